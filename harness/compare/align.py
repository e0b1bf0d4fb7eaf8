# SPDX-License-Identifier: Apache-2.0
"""Makes what sides did not see at the same moment comparable.

Where each side ran alone, it ran the same plan, but in processes of its own and at its own time. So the pids of each
side become those of C's run, actor by actor; times become those of C's run, counted from the start of each.

Entries of processes outside the workload are left out: they took part in one run and not in the other, or, in a run of
all sides together, went on while the maps were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.benchmark import Benchmark, C, Ignored, MapRule, Timestamp
from harness.compare.evidence import Evidence
from harness.compare.layout import KEY, MapLayout, Scalar
from harness.compare.pair import volatile_fields
from harness.errors import RunError
from workloads.events import Event

#: Times of different runs are as far apart as it happens.
_ANY_NS = 1 << 62
_OTHERS = "other processes took part, which did so in each run differently; --mode shadow can tell"
_BUSY = "other processes went on while the maps were read; --target vm can tell"


def align(evidences: Mapping[str, Evidence], folder: Path, *, same_run: bool = False) -> Evidence:
    """One evidence from those of each side; rewritten dumps go to ``folder``.

    ``same_run`` says that all sides ran together, so that pids and times are alike as they are. Raises
    :class:`RunError` where the runs are not of the same plan, or where a scope is not in the key.
    """
    base = evidences[C]
    files = {side: dict(evidence.phase.maps[side]) for side, evidence in evidences.items()}
    rules: dict[str, MapRule] = {}
    for name in base.map_names():
        rule = base.benchmark.maps.get(name, MapRule())
        if _has_others(evidences, rule):
            rule = rule.model_copy(update={"compare": False, "reason": _BUSY if same_run else _OTHERS})
        if not same_run:
            rule = rule.model_copy(update={"volatile": {path: _loose(how) for path, how in rule.volatile.items()}})
        rules[name] = rule
        for side, evidence in evidences.items():
            path = folder / side / f"{name}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            entries = _aligned(evidence, side, name, base)
            path.write_bytes(b"".join(key + value for key, value in entries.items()))
            file = files[side][name].model_copy(update={"file": str(path), "entries": len(entries)})
            files[side][name] = file
    longest = max(evidence.phase.end_ns - evidence.phase.start_ns for evidence in evidences.values())
    phase = base.phase.model_copy(update={"maps": files, "end_ns": base.phase.start_ns + longest})
    benchmark: Benchmark = base.benchmark.model_copy(update={"maps": {**base.benchmark.maps, **rules}})
    objects = {side: evidence.objects[side] for side, evidence in evidences.items()}
    occupied = {name: base.occupied(name) for name in base.map_names()}
    return replace(base, benchmark=benchmark, objects=objects, phase=phase, left_out=occupied)


def _loose(how: Timestamp | Ignored | object) -> object:
    return how.model_copy(update={"tolerance_ns": _ANY_NS}) if isinstance(how, Timestamp) else how


def _has_others(evidences: Mapping[str, Evidence], rule: MapRule) -> bool:
    """Whether a total has parts that other processes added."""
    return rule.foreign is not None and any(
        evidence.own(side, rule.foreign.map)[1] for side, evidence in evidences.items()
    )


def _aligned(evidence: Evidence, side: str, name: str, base: Evidence) -> dict[bytes, bytes]:
    """A side's own entries with C's pids and times."""
    rule = evidence.benchmark.maps.get(name, MapRule())
    layout = evidence.layout(side, name)
    own, _ = evidence.own(side, name)
    later = base.phase.start_ns - evidence.phase.start_ns
    times = [scalar for scalar, how in volatile_fields(layout, rule) if isinstance(how, Timestamp)]
    values = {key: _shifted(value, layout, times, later) for key, value in own.items()}
    if rule.scope is None:
        return values
    scope = layout.scalar(rule.scope, default=KEY)
    if scope.part != KEY:
        raise RunError(f"map {name}: runs of one side at a time need the scope {rule.scope} to be in the key")
    pids = _pids(evidence.events, base.events)
    return {_put(key, scope, pids): value for key, value in values.items()}


def _put(key: bytes, scope: Scalar, pids: Mapping[int, int]) -> bytes:
    end = scope.offset + scope.size
    pid = int.from_bytes(key[scope.offset : end], "little")
    return key[: scope.offset] + pids.get(pid, pid).to_bytes(scope.size, "little") + key[end:]


def _shifted(value: bytes, layout: MapLayout, times: Sequence[Scalar], later: int) -> bytes:
    if not times or not later:
        return value
    out = bytearray(value)
    for start in range(0, len(value), layout.value_stride):
        for time in times:
            place = slice(start + time.offset, start + time.offset + time.size)
            number = int.from_bytes(out[place], "little")
            # A time that was never set stays so.
            if number:
                out[place] = max(0, number + later).to_bytes(time.size, "little")
    return bytes(out)


def _pids(events: Sequence[Event], base: Sequence[Event]) -> dict[int, int]:
    """Each pid of a run to that of the same actor in C's."""
    there = {event.actor: event.pid for event in base}
    here = {event.actor: event.pid for event in events}
    if there.keys() != here.keys():
        raise RunError("the runs of the sides were not driven by the same actors")
    return {pid: there[actor] for actor, pid in here.items()}
