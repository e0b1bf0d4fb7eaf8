# SPDX-License-Identifier: Apache-2.0
"""Helpers that read other memory (kernel ``kernel/trace/bpf_trace.c``, ``mm/maccess.c``).

A read that fails fills its destination with zeros, as in the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from harness.sim.helper_table import Table, negative
from harness.sim.memory import M32, USER_END

if TYPE_CHECKING:
    from harness.sim.runtime import Runtime

TABLE: Final = Table()
EFAULT: Final = 14
ERANGE: Final = 34
PAGE: Final = 4096


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
    data = rt.read_kernel(source, size)
    rt.memory.write(to, bytes(size) if data is None else data)
    if data is not None:
        return 0
    return negative(ERANGE if _is_user(source) else EFAULT)


def _is_user(address: int) -> bool:
    """``copy_from_kernel_nofault_allowed``: the page behind user space is refused as well."""
    return address < USER_END + PAGE


@TABLE.add(writes=(1, 2))
def probe_read(rt: Runtime, to: int, size: int, source: int) -> int:
    """The old form: user or kernel, as the address says."""
    return (probe_read_user if source < USER_END else probe_read_kernel)(rt, to, size, source)


@TABLE.add(writes=(1, 2))
def probe_read_user_str(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy a string from user memory; its length with the final zero."""
    size &= M32

    def upto(address: int, length: int) -> bytes:
        return rt.user.read_upto(address, min(length, max(USER_END - address, 0)))

    return _copy_string(rt, to, size, source, upto=upto, word=8)


@TABLE.add(writes=(1, 2))
def probe_read_kernel_str(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy a string from kernel memory; its length with the final zero."""
    size &= M32

    def upto(address: int, length: int) -> bytes:
        own = rt.memory.regions.get(address >> 32)
        if own is not None:
            return bytes(own[address & M32 : (address & M32) + length])
        return rt.kernel.read_upto(address, length)

    if _is_user(source):
        rt.memory.write(to, bytes(size))
        return negative(ERANGE)
    return _copy_string(rt, to, size, source, upto=upto, word=1)


@TABLE.add(writes=(1, 2))
def probe_read_str(rt: Runtime, to: int, size: int, source: int) -> int:
    """The old form: user or kernel, as the address says."""
    return (probe_read_user_str if source < USER_END else probe_read_kernel_str)(rt, to, size, source)


def _copy_string(rt: Runtime, to: int, size: int, source: int, *, upto: Callable[[int, int], bytes], word: int) -> int:
    """Copy up to the first zero; user strings are copied in words, whose bytes after the zero become zero."""
    if not size:
        return 0
    data = upto(source, size)
    end = data.find(0)
    if end < 0:
        if len(data) < size:
            rt.memory.write(to, bytes(size))
            return negative(EFAULT)
        rt.memory.write(to, data[: size - 1] + b"\0")
        return size
    length = end + 1
    written = -(-length // word) * word
    if written > size or written > size // word * word:
        written = length
    rt.memory.write(to, data[:end].ljust(written, b"\0"))
    return length


@TABLE.add(writes=(1, 2))
def copy_from_user(rt: Runtime, to: int, size: int, source: int) -> int:
    """Copy user memory from a program that may sleep."""
    return probe_read_user(rt, to, size, source)
