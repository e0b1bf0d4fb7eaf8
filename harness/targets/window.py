# SPDX-License-Identifier: Apache-2.0
"""Memory that host and guest share, for jobs and results: a serial line takes seconds for what this does at once.

It is the upper end of the guest's memory, which the guest's kernel is told to leave alone (``memmap=``) and the guest's
first process maps through ``/dev/mem``. A kernel that does not allow that says so when it is ready, and everything goes
over the serial line. (A PCI device with memory, ``ivshmem``, cannot be part of a snapshot whose memory is shared: QEMU
refuses to load it before its address is set.)
"""

from __future__ import annotations

import mmap
import os
import zlib

from harness.targets.guest import frames

#: Pages that are never written cost nothing.
SIZE_MB = 256


def command_line(memory_mb: int) -> str:
    """What tells the guest's kernel, and its first process, where the window begins and how large it is."""
    start, size = memory_mb << 20, SIZE_MB << 20
    return f"memmap={SIZE_MB}M${start:#x} honey.window={start:#x}+{size:#x}"


class Window:
    """The host's side; ``fd`` is to be inherited by QEMU."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("window")
        os.truncate(self.fd, SIZE_MB << 20)
        self._memory = mmap.mmap(self.fd, SIZE_MB << 20)

    def put(self, data: bytes) -> bytes:
        """Lay ``data`` into the window; gives the payload of the frame that tells of it."""
        self._memory[: len(data)] = data
        return frames.WHERE.pack(len(data), zlib.crc32(data))

    def take(self, where: bytes) -> bytes:
        """What the guest laid into the window, as its frame tells; :class:`frames.BrokenFrame` when it is damaged."""
        length, checksum = frames.WHERE.unpack(where)
        data = self._memory[:length]
        if len(data) != length or zlib.crc32(data) != checksum:
            raise frames.BrokenFrame(f"{length} bytes in shared memory arrived damaged")
        return data

    def close(self) -> None:
        """Give the memory back; nothing happens the second time."""
        if not self._memory.closed:
            self._memory.close()
            os.close(self.fd)
