# SPDX-License-Identifier: Apache-2.0
"""Simulated maps that hold streams: ring buffers, perf event arrays, queues, stacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.objects.maps import MapDefinition
from harness.sim.faults import ProgramError
from harness.sim.helper_table import negative
from harness.sim.maps import BPF_EXIST, E2BIG, EINVAL, SimMap
from harness.sim.memory import Memory

#: Each record in a ring buffer has a header of eight bytes (``BPF_RINGBUF_HDR_SZ``).
HEADER: Final = 8


def _occupied(size: int) -> int:
    return -(-(size + HEADER) // 8) * 8


class RingBuffer(SimMap):
    """``ringbuf``: ``records`` are what user space has read, which it does after each event."""

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.records: list[bytes] = []
        self._unread: list[bytes | None] = []
        self._pending: dict[int, int] = {}
        self._used = 0

    @property
    def used(self) -> int:
        """Bytes that are not yet read, headers included."""
        return self._used

    def reserve(self, size: int) -> int:
        """The address of a new record, 0 where there is no room (``bpf_ringbuf_reserve``)."""
        if self._used + _occupied(size) > self.max_entries - 1:
            return 0
        self._used += _occupied(size)
        address = self.memory.allocate(bytearray(size))
        self._pending[address] = len(self._unread)
        self._unread.append(None)
        return address

    def commit(self, address: int, *, discard: bool) -> None:
        """Finish a record (``bpf_ringbuf_submit``, ``bpf_ringbuf_discard``)."""
        place = self._pending.pop(address, None)
        if place is None:
            raise ProgramError(f"{address:#x} is no reserved record of map {self.name}")
        if not discard:
            self._unread[place] = bytes(self.memory.regions[address >> 32])
        self.memory.retire(address)

    def holds(self, address: int) -> bool:
        """Whether this is a reserved record."""
        return address in self._pending

    def drain(self) -> None:
        """User space reads all that is there."""
        self.records += [record for record in self._unread if record is not None]
        self._unread.clear()
        self._pending.clear()
        self._used = 0

    def clear(self) -> None:
        self.drain()
        self.records.clear()


class PerfEventArray(SimMap):
    """``perf_event_array``: ``records`` are (CPU, bytes)."""

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.records: list[tuple[int, bytes]] = []

    def clear(self) -> None:
        self.records.clear()


class QueueMap(SimMap):
    """``queue`` and ``stack``."""

    def __init__(self, definition: MapDefinition, memory: Memory, cpus: int) -> None:
        super().__init__(definition, memory, cpus)
        self.values: list[bytes] = []

    def push(self, value: bytes, flags: int) -> int:
        """``bpf_map_push_elem``; with ``BPF_EXIST`` the oldest value makes room."""
        if flags not in (0, BPF_EXIST):
            return negative(EINVAL)
        if len(self.values) >= self.max_entries:
            if not flags:
                return negative(E2BIG)
            self.values.pop(0)
        self.values.append(value)
        return 0

    def take(self, *, remove: bool) -> bytes | None:
        """The next value, None where there is none."""
        if not self.values:
            return None
        place = -1 if self.definition.type == "stack" else 0
        return self.values.pop(place) if remove else self.values[place]

    def delete(self, key: bytes) -> int:
        del key
        return negative(EINVAL)

    def clear(self) -> None:
        self.values.clear()

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        values = reversed(self.values) if self.definition.type == "stack" else self.values
        return ((b"", value) for value in values)
