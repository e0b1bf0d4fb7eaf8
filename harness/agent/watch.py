# SPDX-License-Identifier: Apache-2.0
"""Which entries and records of a benchmark are looked at, where hooks fire for the whole machine all the time.

A map that every system call of the machine changes is never seen empty and never stands still. What the workload's own
processes left in it does: only that is read.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
KEY, VALUE = "key", "value"


@dataclass(frozen=True, slots=True)
class Watched:
    """Where an entry (``part`` is its key or its value) or a record holds a number, and which numbers are looked at.

    ``ranges`` are ``(first, last)``; None means the process ids of the workload.
    """

    part: str
    offset: int
    size: int
    ranges: tuple[tuple[int, int], ...] | None = None

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Watched:
        """From ``job.json``."""
        ranges = entry.get("ranges")
        pairs = None if ranges is None else tuple((int(first), int(last)) for first, last in ranges)
        return cls(str(entry["part"]), int(entry["offset"]), int(entry["size"]), pairs)

    def entries(self, contents: bytes, key_size: int, entry_bytes: int, pids: Collection[int]) -> bytes:
        """Of a map's dump what is looked at."""
        at = self.offset + (key_size if self.part == VALUE else 0)
        reader = struct.Struct(f"<{at}x{_CODES[self.size]}{entry_bytes - at - self.size}x")
        wanted = set(pids)
        return b"".join(
            contents[number * entry_bytes : (number + 1) * entry_bytes]
            for number, (found,) in enumerate(reader.iter_unpack(contents))
            if self._has(found, wanted)
        )

    def record(self, record: bytes, pids: Collection[int]) -> bool:
        """Whether a record of a stream is looked at."""
        number = int.from_bytes(record[self.offset : self.offset + self.size], "little")
        return self._has(number, pids)

    def _has(self, number: int, pids: Collection[int]) -> bool:
        if self.ranges is None:
            return number in pids
        return any(first <= number <= last for first, last in self.ranges)


#: By map, or by stream (``ring:MAP``).
Watch = Mapping[str, Watched]
