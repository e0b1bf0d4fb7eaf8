# SPDX-License-Identifier: Apache-2.0
"""Raw eBPF programs, on the machine's own kernel and on the simulator alike."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import Structure, c_char, c_uint32, c_uint64

from harness.agent.bpf import PacketRun, run_packet
from harness.agent.load import LoadedSide
from harness.agent.maps import dump
from harness.objects import BpfObject, Btf, Insn, Program
from harness.sim import Machine

_SYSCALL = 321
_PROG_LOAD = 5
SOCKET_FILTER, SCHED_CLS, XDP = 1, 3, 6
SECTIONS = {SOCKET_FILTER: "socket", SCHED_CLS: "tc", XDP: "xdp"}
_EMPTY_BTF = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 1) + b"\0"


class _LoadAttr(Structure):
    """``union bpf_attr`` of ``BPF_PROG_LOAD`` as far as it is needed (``include/uapi/linux/bpf.h``)."""

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


class RefusedError(Exception):
    """The verifier does not accept the program; the message is its log."""


def usable() -> bool:
    """Whether eBPF programs can be loaded here."""
    try:
        with loaded(SOCKET_FILTER, [Insn(0xB7, 0, 0, 0, 0), Insn(0x95, 0, 0, 0, 0)]):
            return True
    except (OSError, RefusedError):
        return False


@contextmanager
def loaded(kind: int, insns: Sequence[Insn]) -> Iterator[int]:
    """A file descriptor of the program while the block lasts."""
    code = b"".join(insn.pack() for insn in insns)
    buffer = ctypes.create_string_buffer(code, len(code))
    words = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(1 << 16)
    attr = _LoadAttr(prog_type=kind, insn_cnt=len(insns), log_level=1, log_size=len(log))
    attr.insns, attr.license = ctypes.addressof(buffer), ctypes.addressof(words)
    attr.log_buf = ctypes.addressof(log)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(_SYSCALL, _PROG_LOAD, ctypes.byref(attr), ctypes.sizeof(attr))
    if fd < 0:
        code_number = ctypes.get_errno()
        if log.value:
            raise RefusedError(log.value.decode()[-3000:])
        raise OSError(code_number, os.strerror(code_number))
    try:
        yield fd
    finally:
        os.close(fd)


def simulated(kind: int, insns: Sequence[Insn]) -> Machine:
    """A machine with the one program ``main``."""
    code = b"".join(insn.pack() for insn in insns)
    program = Program("main", SECTIONS[kind], 0, code)
    functions = {"main": program}
    obj = BpfObject("", "GPL", Btf(_EMPTY_BTF), functions, functions, {}, {})
    return Machine(obj)


class Side:
    """An object in the machine's own kernel."""

    def __init__(self, side: LoadedSide) -> None:
        self.loaded = side

    def run(self, program: str, packet: bytes) -> PacketRun:
        """Run a packet program on one frame."""
        return run_packet(self.loaded.programs[program].fd(), packet, room=4096)

    def items(self, name: str) -> dict[bytes, bytes]:
        """A map's entries."""
        found = self.loaded.maps[name]
        raw = dump(found)
        size, key = found.entry_bytes, found.info.key_size
        return {raw[at : at + key]: raw[at + key : at + size] for at in range(0, len(raw), size)}
