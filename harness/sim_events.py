# SPDX-License-Identifier: Apache-2.0
"""A benchmark's events on a simulated machine: presets first, exits after entries, and what was sent is kept."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.benchmark import Benchmark
from harness.errors import RunError
from harness.result import StreamFile
from harness.sim import Machine
from harness.watching import initial_contents
from workloads.events import Event, with_exits

#: Records by stream, as the agent names and writes them.
Sent = Mapping[str, Sequence[bytes]]
_TRACE = "trace"


def run_events(machine: Machine, benchmark: Benchmark, events: Sequence[Event], side: str) -> Sent:
    """Give ``events`` to the programs of a machine; gives what they sent. Raises :class:`RunError` for a fault."""
    _preset(machine, benchmark, events)
    hooks = [loaded.program.hook for loaded in machine.programs.values()]
    packets: dict[str, list[bytes]] = {}
    for event in with_exits(events) if any("sys_exit" in hook for hook in hooks) else events:
        for execution in machine.dispatch(event):
            if execution.fault is not None:
                raise RunError(f"{side}: event {event.seq}, {event.hook}: {execution.fault}")
            if execution.packet is not None:
                record = struct.pack("<I", execution.result & 0xFFFF_FFFF) + execution.packet
                packets.setdefault(f"packets:{execution.program}", []).append(record)
    printed: dict[str, list[bytes]] = {_TRACE: []} if _TRACE in benchmark.streams else {}
    return {**packets, **printed, **machine.streams()}


def write_streams(sent: Sent, folder: Path, place: Path) -> dict[str, StreamFile]:
    """Write what was sent below ``place``; named from ``folder``."""
    place.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, records in sent.items():
        path = place / (name.replace(":", "-") + (".txt" if name == _TRACE else ".records"))
        if name == _TRACE:
            path.write_bytes(b"".join(line + b"\n" for line in records))
        else:
            path.write_bytes(b"".join(struct.pack("<I", len(record)) + record for record in records))
        files[name] = StreamFile(file=path.relative_to(folder).as_posix(), records=len(records))
    return files


def _preset(machine: Machine, benchmark: Benchmark, events: Sequence[Event]) -> None:
    """What user space puts into maps before the workload begins."""
    actors = {event.actor: event.pid for event in events}
    for name, entries in initial_contents(benchmark, actors).items():
        a_map = machine.maps[name]
        pairs = [
            (key.to_bytes(a_map.key_size, "little"), value.to_bytes(a_map.value_size, "little"))
            for key, value in entries.items()
        ]
        a_map.load(iter(pairs))
