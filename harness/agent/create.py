# SPDX-License-Identifier: Apache-2.0
"""Single maps and programs made by hand, where there is no object for libbpf to load (``include/uapi/linux/bpf.h``)."""

from __future__ import annotations

import ctypes
from ctypes import Structure, c_char, c_uint32, c_uint64

from harness.agent import bpf

_MAP_CREATE, _PROG_LOAD = 0, 5


class _LoadAttr(Structure):
    _fields_ = (
        ("prog_type", c_uint32),
        ("insn_cnt", c_uint32),
        ("insns", c_uint64),
        ("license", c_uint64),
        ("log_level", c_uint32),
        ("log_size", c_uint32),
        ("log_buf", c_uint64),
        ("kern_version", c_uint32),
        ("prog_flags", c_uint32),
        ("prog_name", c_char * 16),
    )


class _CreateAttr(Structure):
    _fields_ = (
        ("map_type", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("map_flags", c_uint32),
    )


class RefusedError(OSError):
    """A program that the kernel does not take; ``log`` is what the verifier said, where it was asked to."""

    log = ""


def create_map(kind: str, key_size: int, value_size: int, max_entries: int, flags: int = 0) -> int:
    """The descriptor of a new map of a kind of :data:`bpf.MAP_TYPES`. Raises :class:`OSError`."""
    return bpf.call(_MAP_CREATE, _CreateAttr(bpf.MAP_TYPES.index(kind), key_size, value_size, max_entries, flags))


def load_program(program_type: str, code: bytes, *, log_bytes: int = 0) -> int:
    """The descriptor of a program of a type of :data:`bpf.PROGRAM_TYPES`, from its instructions.

    ``log_bytes`` is the room for the verifier's log; with none it writes none. Raises :class:`RefusedError`.
    """
    buffer, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"Dual BSD/GPL")
    attr = _LoadAttr(bpf.PROGRAM_TYPES.index(program_type), len(code) // 8)
    attr.insns, attr.license = ctypes.addressof(buffer), ctypes.addressof(licence)
    log = ctypes.create_string_buffer(log_bytes) if log_bytes else None
    if log is not None:
        attr.log_level, attr.log_size, attr.log_buf = 1, log_bytes, ctypes.addressof(log)
    try:
        return bpf.call(_PROG_LOAD, attr)
    except OSError as problem:
        refused = RefusedError(problem.errno, problem.strerror)
        refused.log = log.value.decode(errors="replace") if log is not None else ""
        raise refused from None
