# SPDX-License-Identifier: Apache-2.0
"""The address space of simulated programs.

An address is 64 bits: the upper half names a region, the lower half is the offset in it. Regions are the program's own
objects: stack frames, context, map values, data sections, packets, ring buffer records.

=====================  =================================================================================
upper half             region
=====================  =================================================================================
``0x0000....``         user memory: only what the event lists, only through ``probe_read_user``
``0x8000....``         made while programs run: map values, ring buffer records (never reused in a run)
``0xf000....``         known when a program is translated: stack frames, context, data sections, maps
``0xffff....``         kernel memory: only what was given to the machine, only through ``probe_read_kernel``
=====================  =================================================================================
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from harness.sim.faults import AccessError

M32: Final = 0xFFFFFFFF
M64: Final = 0xFFFFFFFFFFFFFFFF
DYNAMIC: Final = 0x80000000
STATIC: Final = 0xF0000000
#: The largest address of a region made at run time; static regions lie above.
DYNAMIC_LAST: Final = (STATIC << 32) - 1
#: Where user addresses end on x86-64 with four-level page tables (``TASK_SIZE_MAX``).
USER_END: Final = 0x7FFFFFFFF000


class Memory:
    """The regions of one machine; ``regions`` is read directly by translated programs."""

    def __init__(self) -> None:
        self.regions: dict[int, bytearray] = {}
        self._next = {DYNAMIC: DYNAMIC, STATIC: STATIC}
        self._dead: list[int] = []

    def allocate(self, content: bytearray) -> int:
        """Give ``content`` an address among the regions made at run time."""
        region = self._next[DYNAMIC]
        self._next[DYNAMIC] = region + 1
        self.regions[region] = content
        return region << 32

    def place(self, content: bytearray | None) -> int:
        """Give ``content`` a static address; without content the address stands for a thing that has no bytes."""
        region = self._next[STATIC]
        self._next[STATIC] = region + 1
        if content is not None:
            self.regions[region] = content
        return region << 32

    def lend(self, address: int, content: bytearray) -> None:
        """Let programs load ``content``, whose upper half of the address is all its own, until none runs any more."""
        self.regions[address >> 32] = content
        self._dead.append(address >> 32)

    def retire(self, address: int) -> None:
        """Give a region back once no program runs: like freed kernel memory it can still be seen until then."""
        self._dead.append(address >> 32)

    def sweep(self) -> None:
        """Drop what was retired."""
        if self._dead:
            for region in self._dead:
                self.regions.pop(region, None)
            self._dead.clear()

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes of the program's own memory. Raises :class:`AccessError`."""
        content, at = self._find(address, size, "read")
        return bytes(content[at : at + size])

    def write(self, address: int, data: bytes | bytearray) -> None:
        """Write to the program's own memory. Raises :class:`AccessError`."""
        content, at = self._find(address, len(data), "write")
        content[at : at + len(data)] = data

    def _find(self, address: int, size: int, verb: str) -> tuple[bytearray, int]:
        content = self.regions.get(address >> 32)
        at = address & M32
        if content is None or at + size > len(content):
            raise AccessError(f"{verb} of {size} bytes at {address:#x}, which is outside of the program's memory")
        return content, at


class Segments:
    """Readable memory at given addresses; every other address faults."""

    def __init__(self, segments: Iterable[tuple[int, bytes]] = ()) -> None:
        """``segments`` are (address, bytes); where they overlap, the later one counts."""
        self._segments = sorted(_without_overlap(list(segments)))
        self._starts = [start for start, _ in self._segments]

    def read(self, address: int, size: int) -> bytes | None:
        """``size`` bytes at ``address``, or None where any of them cannot be read."""
        data = self.read_upto(address, size)
        return data if len(data) == size else None

    def read_upto(self, address: int, size: int) -> bytes:
        """As many of ``size`` bytes at ``address`` as can be read before the first that cannot."""
        index = bisect_right(self._starts, address) - 1
        parts: list[bytes] = []
        wanted = size
        while wanted and 0 <= index < len(self._segments):
            start, content = self._segments[index]
            part = content[address - start : address - start + wanted] if address >= start else b""
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
            address += len(part)
            index += 1
        return b"".join(parts)


def _without_overlap(segments: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Cut earlier segments back where a later one lies over them."""
    kept: list[tuple[int, bytes]] = []
    for start, content in segments:
        if not content:
            continue
        end = start + len(content)
        cut: list[tuple[int, bytes]] = []
        for old, old_content in kept:
            if old + len(old_content) <= start or old >= end:
                cut.append((old, old_content))
                continue
            if old < start:
                cut.append((old, old_content[: start - old]))
            if old + len(old_content) > end:
                cut.append((end, old_content[end - old :]))
        kept = [*cut, (start, content)]
    return kept
