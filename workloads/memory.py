# SPDX-License-Identifier: Apache-2.0
"""Memory at addresses that a plan chose, so that what it says of pointers is true in the process that uses them."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os

from workloads.base import DriveError

#: Where actors' memory begins: above any program and its heap, below where kernels place mappings of their own
#: accord, and inside the smallest user address space of a 64-bit machine (39 bits).
BASE = 0x10_0000_0000
#: From one actor's memory to the next. Most of it is never mapped, which makes for addresses that fault.
ACTOR_STRIDE = 0x1000_0000

_MAP_FIXED_NOREPLACE = 0x100000  # asm-generic/mman-common.h; Linux 4.17


def map_region(address: int, size: int) -> None:
    """Map ``size`` zeroed bytes at ``address`` for as long as the process lives.

    Raises :class:`DriveError` if the place is taken.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED_NOREPLACE
    got = libc.mmap(address, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if got != address:
        code = ctypes.get_errno() if got == ctypes.c_void_p(-1).value else errno.EEXIST
        raise DriveError(f"no memory of {size} bytes at {address:#x}: {os.strerror(code)}")
