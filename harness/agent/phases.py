# SPDX-License-Identifier: Apache-2.0
"""The phases of a benchmark: all sides at once for parity, one side at a time for its costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from harness.agent import bpf
from harness.agent.attach import attach_side
from harness.agent.bcc_binding import Bcc
from harness.agent.costs import read_runs, statistics
from harness.agent.errors import AgentError
from harness.agent.job import Phase, Preset
from harness.agent.libbpf import Libbpf
from harness.agent.load import LoadedSide
from harness.agent.maps import BatchReader, BpfMap, dump, empty, is_empty
from harness.agent.packets import feed
from harness.agent.stalls import watch_for_stalls
from harness.agent.streams import Streams, collect, write_records
from harness.agent.watch import Watch
from harness.agent.workload import Driver, write_driven

#: How often emptying and reading is tried until it agrees, and for how long at most. Other processes of the machine
#: cause events of their own in between.
_TRIES = 200
_PATIENCE_S = 10.0

_T = TypeVar("_T")
Dumps = dict[str, dict[str, bytes]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What every phase works with; ``out`` is the folder of the phase's files, ``root`` what they are named from."""

    library: Libbpf
    bcc: Bcc | None
    out: Path
    root: Path
    watch: Watch = field(default_factory=dict)
    presets: Mapping[str, Sequence[Preset]] = field(default_factory=dict)

    @property
    def reader(self) -> BatchReader:
        """How maps are read in batches."""
        return self.bcc.lookup_batch if self.bcc is not None else bpf.lookup_batch

    def name(self, path: Path) -> str:
        """``path`` as the result names it."""
        return path.relative_to(self.root).as_posix()


def shadow(tools: Tools, sides: Sequence[LoadedSide], driver: Driver) -> dict[str, Any]:
    """All sides attached at once, each with its own maps; see docs/design.md."""
    with collect(tools.library, sides) as streams:
        with ExitStack() as attached:
            for side in sides:
                attach_side(side, tools.bcc, attached)
            start_ns = begin_empty(tools, sides, streams)
            with watch_for_stalls() as stalls:
                driven = driver.drive(partial(make_ready, tools, sides, streams))
                notes = feed(sides, driven.events, streams)
            dumps, stable = read_stable(tools, sides, driven.pids)
            end_ns = time.monotonic_ns()
        read_popped(sides, dumps)
    out: dict[str, Any] = {"kind": "shadow", "start_ns": start_ns, "end_ns": end_ns, "stable": stable}
    out["stalls"] = stalls.found
    out["events"] = tools.name(tools.out / write_driven(tools.out, driven))
    out |= driven.document()
    out["notes"] += notes
    out["maps"] = write_maps(tools, sides, dumps)
    out["streams"] = write_streams(tools, streams, driven.pids)
    return out


def solo(tools: Tools, side: LoadedSide, driver: Driver, phase: Phase) -> dict[str, Any]:
    """One side attached alone, with the kernel counting its runs."""
    sides = (side,)
    with collect(tools.library, sides) as streams, statistics():
        with ExitStack() as attached:
            attach_side(side, tools.bcc, attached)
            start_ns = begin_empty(tools, sides, streams)
            before = read_runs(side)
            driven = driver.drive(partial(make_ready, tools, sides, streams))
            notes = feed(sides, driven.events, streams)
            after = read_runs(side)
            end_ns = time.monotonic_ns()
            dumps, stable = read_stable(tools, sides, driven.pids) if phase.dump else ({}, True)
        if phase.dump:
            read_popped(sides, dumps)
    out: dict[str, Any] = {
        "kind": "solo",
        "side": side.name,
        "round": phase.round,
        "start_ns": start_ns,
        "end_ns": end_ns,
        "programs": {name: (run - before[name]).document() for name, run in after.items()},
    }
    if phase.dump:
        out["stable"] = stable
        out["events"] = tools.name(tools.out / write_driven(tools.out, driven))
        out |= driven.document()
        out["notes"] += notes
        out["maps"] = write_maps(tools, sides, dumps)
        out["streams"] = write_streams(tools, streams, driven.pids)
    return out


def begin_empty(tools: Tools, sides: Sequence[LoadedSide], streams: Streams) -> int:
    """Empty all maps until the first side is seen empty, the others after it, and the first once more.

    Maps of which only some entries are looked at wait for :func:`make_ready`. Entries never vanish by themselves, so at
    the time in between all were empty. Gives the time just before that.
    """
    first, *others = sides
    maps = {side.name: [each for each in side.maps.values() if each.name not in tools.watch] for side in sides}

    def attempt() -> int | None:
        for side in sides:
            for each in maps[side.name]:
                empty(each)
        streams.forget()
        start_ns = time.monotonic_ns()
        order = (first, *others, first)
        if all(is_empty(each, tools.reader) for side in order for each in maps[side.name]):
            return start_ns
        return None

    start = _until(attempt)
    if start is None:
        raise AgentError("empty maps", f"the machine's own events filled them faster, {_TRIES} times in a row")
    return start


def make_ready(tools: Tools, sides: Sequence[LoadedSide], streams: Streams, actors: Mapping[str, int]) -> None:
    """What is done when the workload's processes are there and wait: presets, and a clean slate for what is theirs.

    Until they go on nothing of theirs changes, so emptying the sides one after the other is the same as at once.
    """
    for side in sides:
        for name, each in side.maps.items():
            if name in tools.watch:
                empty(each)
            for preset in tools.presets.get(name, ()):
                bpf.update(each.fd, preset.key, preset.bytes_for(actors))
    if tools.watch:
        streams.forget()


def read_stable(tools: Tools, sides: Sequence[LoadedSide], pids: Collection[int]) -> tuple[Dumps, bool]:
    """Read all maps until two reads of the first side, around a read of the others, agree; and whether they did.

    Of some maps only some entries are looked at; the others may change.
    """
    last: Dumps = {}

    def read(side: LoadedSide) -> dict[str, bytes]:
        return {name: _looked_at(tools, each, pids) for name, each in side.maps.items() if each.steady}

    def attempt() -> Dumps | None:
        first, *others = sides
        before = read(first)
        last[first.name] = before
        last.update({side.name: read(side) for side in others})
        return dict(last) if not others or read(first) == before else None

    found = _until(attempt)
    return (found, True) if found is not None else (last, False)


def _looked_at(tools: Tools, each: BpfMap, pids: Collection[int]) -> bytes:
    contents = dump(each, tools.reader)
    watched = tools.watch.get(each.name)
    return contents if watched is None else watched.entries(contents, each.info.key_size, each.entry_bytes, pids)


def read_popped(sides: Sequence[LoadedSide], dumps: Dumps) -> None:
    """Add queues and stacks, which reading empties: after detaching, when nothing is added any more."""
    for side in sides:
        for name, each in side.maps.items():
            if each.readable and not each.steady:
                dumps.setdefault(side.name, {})[name] = dump(each)


def write_maps(tools: Tools, sides: Sequence[LoadedSide], dumps: Dumps) -> dict[str, dict[str, Any]]:
    """Write each map's dump into the phase's folder; gives what ``result.json`` says of them."""
    out: dict[str, dict[str, Any]] = {}
    for side in sides:
        folder = tools.out / side.name
        folder.mkdir(parents=True, exist_ok=True)
        out[side.name] = {
            name: _write_map(tools, folder, each, dumps.get(side.name, {}).get(name))
            for name, each in side.maps.items()
        }
    return out


def write_streams(tools: Tools, streams: Streams, pids: Collection[int]) -> dict[str, dict[str, Any]]:
    """Write what each stream sent; trace lines as text, records after their length."""
    out: dict[str, dict[str, Any]] = {}
    for side, by_name in streams.records.items():
        folder = tools.out / ("all" if side == "*" else side)
        folder.mkdir(parents=True, exist_ok=True)
        for name, all_records in by_name.items():
            watched = tools.watch.get(name)
            records = all_records if watched is None else [one for one in all_records if watched.record(one, pids)]
            path = folder / (name.replace(":", "-") + (".txt" if name == "trace" else ".records"))
            if name == "trace":
                path.write_bytes(b"".join(line + b"\n" for line in records))
            else:
                write_records(path, records)
            lost = streams.lost.get(side, {}).get(name, 0)
            out.setdefault(side, {})[name] = {"file": tools.name(path), "records": len(records), "lost": lost}
    return out


def _write_map(tools: Tools, folder: Path, each: BpfMap, contents: bytes | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "type": each.info.type,
        "key_size": each.info.key_size,
        "value_size": each.info.value_size,
        "value_bytes": each.value_bytes,
        "max_entries": each.info.max_entries,
        "file": None,
        "entries": None,
    }
    if contents is not None:
        path = folder / f"{each.name.lstrip('.') if each.name.startswith('.') else each.name}.bin"
        path.write_bytes(contents)
        said["file"] = tools.name(path)
        said["entries"] = len(contents) // each.entry_bytes
    return said


def _until(attempt: Callable[[], _T | None]) -> _T | None:
    """The first result that is not ``None``, or ``None`` when patience ends."""
    deadline = time.monotonic() + _PATIENCE_S
    for _ in range(_TRIES):
        found = attempt()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            break
    return None
