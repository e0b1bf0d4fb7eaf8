# SPDX-License-Identifier: Apache-2.0
"""Helpers that read other memory (kernel ``kernel/trace/bpf_trace.c``, ``mm/maccess.c``).

A read that fails fills its destination with zeros, as in the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.sim.helper_table import Table, negative
from harness.sim.memory import M32, USER_END

if TYPE_CHECKING:
    from harness.sim.runtime import Runtime

TABLE: Final = Table()
EFAULT: Final = 14
ERANGE: Final = 34
PAGE: Final = 4096
VSYSCALL: Final = 0xFFFF_FFFF_FF60_0000
#: Bits of a virtual address on recent CPUs (48 on older ones, where more addresses give ``-ERANGE`` than ``-EFAULT``).
VIRTUAL_BITS: Final = 57


@TABLE.add(writes=(1, 2))
def probe_read_user(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy user memory."""
    size &= M32
    data = rt.read_user(source, size)
    rt.memory.write(to, bytes(size) if data is None else data)
    return negative(EFAULT) if data is None else 0


@TABLE.add(writes=(1, 2))
def probe_read_kernel(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy kernel memory; on x86-64 a user address is refused with ``-ERANGE`` before it is touched."""
    size &= M32
    refused = _refused(rt, source)
    data = None if refused else rt.read_kernel(source, size)
    rt.memory.write(to, bytes(size) if data is None else data)
    if data is not None:
        return 0
    return negative(ERANGE if refused else EFAULT)


def _canonical(address: int) -> bool:
    upper = address >> VIRTUAL_BITS - 1
    return upper in (0, (1 << 65 - VIRTUAL_BITS) - 1)


def _refused(rt: Runtime, address: int) -> bool:
    """``copy_from_kernel_nofault_allowed``: no user address, none that the CPU could not form, no vsyscall page."""
    if address >> 32 in rt.memory.regions:
        return False
    return address < USER_END + PAGE or not _canonical(address) or address & -PAGE == VSYSCALL


@TABLE.add(writes=(1, 2))
def probe_read(rt: Runtime, to: int, size: int, source: int) -> int:
    """The old form: user or kernel, as the address says."""
    return (probe_read_user if source < USER_END else probe_read_kernel)(rt, to, size, source)


@TABLE.add(writes=(1, 2))
def probe_read_user_str(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy a string from user memory; its length with the final zero."""
    size &= M32
    data = rt.user.read_upto(source, min(size, max(USER_END - source, 0)))
    return _store_string(rt, to, size, data, word=8)


@TABLE.add(writes=(1, 2))
def probe_read_kernel_str(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy a string from kernel memory; its length with the final zero."""
    size &= M32
    if size and _refused(rt, source):
        rt.memory.write(to, bytes(size))
        return negative(ERANGE)
    own = rt.memory.regions.get(source >> 32)
    at = source & M32
    data = rt.kernel.read_upto(source, size) if own is None else bytes(own[at : at + size])
    return _store_string(rt, to, size, data, word=1)


@TABLE.add(writes=(1, 2))
def probe_read_str(rt: Runtime, to: int, size: int, source: int) -> int:
    """The old form: user or kernel, as the address says."""
    return (probe_read_user_str if source < USER_END else probe_read_kernel_str)(rt, to, size, source)


def _store_string(rt: Runtime, to: int, size: int, data: bytes, *, word: int) -> int:
    """Store ``data``, of which no more could be read, up to its first zero.

    User strings are copied a word at a time for as long as whole words can be read; in the last one the bytes after the
    zero become zero (``do_strncpy_from_user``).
    """
    if not size:
        return 0
    end = data.find(0)
    if end < 0:
        if len(data) < size:
            rt.memory.write(to, bytes(size))
            return negative(EFAULT)
        rt.memory.write(to, data[: size - 1] + b"\0")
        return size
    last_word = end // word * word + word
    written = last_word if last_word <= len(data) else end + 1
    rt.memory.write(to, data[:end].ljust(written, b"\0"))
    return end + 1


@TABLE.add(writes=(1, 2))
def copy_from_user(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy user memory from a program that may sleep."""
    return probe_read_user(rt, to, size, source)
