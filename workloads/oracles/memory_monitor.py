# SPDX-License-Identifier: Apache-2.0
"""What processes ask of memory management, at the entry of mmap, munmap and brk, whether it is granted or not.

Mappings below 16 KiB are left out. What is given back counts down to 0 and no further. The first break that a process
asks for says only where it stands; later ones count by how far they move it. Asking for break 0 is a question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context

_LARGE: Final = 16_384
_U64: Final = (1 << 64) - 1
_MMAP, _MUNMAP, _BRK = 1, 2, 3
_PREFIX: Final = "syscalls/sys_enter_"
_COUNTERS: Final = ("current_bytes", "peak_bytes", "total_mapped", "total_unmapped", "mmaps", "munmaps", "brks")


@dataclass(slots=True)
class _Process:
    """The statistics of a process, and where its break stands."""

    stats: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTERS, 0))
    program_break: int | None = None

    def grow(self, size: int) -> None:
        self.stats["total_mapped"] = (self.stats["total_mapped"] + size) & _U64
        self.stats["current_bytes"] = (self.stats["current_bytes"] + size) & _U64
        self.stats["peak_bytes"] = max(self.stats["peak_bytes"], self.stats["current_bytes"])

    def shrink(self, size: int) -> None:
        self.stats["total_unmapped"] = (self.stats["total_unmapped"] + size) & _U64
        self.stats["current_bytes"] = max(0, self.stats["current_bytes"] - size)


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the maps hold after ``events``, and the records, numbered. There is room for all processes."""
    del context
    processes: dict[int, _Process] = {}
    records: list[dict[str, Any]] = []
    for event in events:
        for _ in range(event.count):
            _count(processes, records, event)
    return {
        "memory_by_pid": {pid: process.stats for pid, process in processes.items()},
        "program_break": {
            pid: process.program_break for pid, process in processes.items() if process.program_break is not None
        },
        "ring:events": dict(enumerate(records)),
    }


def _count(processes: dict[int, _Process], records: list[dict[str, Any]], event: Event) -> None:
    name, args = event.hook.removeprefix(_PREFIX), event.args
    if name == "brk":
        process = processes.setdefault(event.pid, _Process())
        process.stats["brks"] += 1
        if args[0]:
            records.append(_record(event.pid, _BRK, args[0], _move_break(process, args[0])))
    elif name in {"mmap", "munmap"} and args[1] >= _LARGE:
        process = processes.setdefault(event.pid, _Process())
        process.stats[f"{name}s"] += 1
        (process.grow if name == "mmap" else process.shrink)(args[1])
        records.append(_record(event.pid, _MMAP if name == "mmap" else _MUNMAP, args[0], args[1]))


def _move_break(process: _Process, wanted: int) -> int:
    """Let the break be ``wanted``; gives how far it moved."""
    last, process.program_break = process.program_break, wanted
    if last is None:
        return 0
    if wanted > last:
        process.grow(wanted - last)
    else:
        process.shrink(last - wanted)
    return abs(wanted - last)


def _record(pid: int, operation: int, address: int, length: int) -> dict[str, Any]:
    return {"pid": pid, "operation": operation, "address": address, "length": length}
