# SPDX-License-Identifier: Apache-2.0
"""The job: what ``job.json`` asks for, as typed values. The document is described in docs/design.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.agent.errors import AgentError
from harness.agent.probe import Feature
from harness.agent.watch import Watched

SCHEMA = 1
KINDS = ("shadow", "solo", "counters")


@dataclass(frozen=True, slots=True)
class Side:
    """One contender: its name and its object, relative to the job folder."""

    name: str
    object: str


@dataclass(frozen=True, slots=True)
class WorkloadUse:
    """A workload by name with its options."""

    name: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a benchmark. ``side`` is empty for ``shadow``; ``dump`` asks a solo phase for its maps too."""

    kind: str
    side: str = ""
    round: int = 0
    workload: WorkloadUse | None = None
    dump: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """An entry that user space makes before the workload begins: its value is ``value``, or an actor's process id."""

    key: bytes
    value: bytes
    actor: str = ""

    def bytes_for(self, actors: Mapping[str, int]) -> bytes:
        """The value's bytes. Raises :class:`AgentError` for an actor that the workload does not have."""
        if not self.actor:
            return self.value
        if self.actor not in actors:
            raise AgentError(
                "preset", f"the workload has no actor {self.actor!r}; it has {', '.join(actors) or 'none'}"
            )
        return actors[self.actor].to_bytes(len(self.value), "little")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The sides to compare, what drives them, and the phases in order.

    ``watch`` says of maps and streams which entries are looked at (all, where it says nothing); ``presets`` are entries
    by map; ``needs`` is what the kernel must have.
    """

    name: str
    sides: tuple[Side, ...]
    phases: tuple[Phase, ...]
    workload: WorkloadUse | None
    time_limit_s: float = 60.0
    watch: dict[str, Watched] = field(default_factory=dict)
    presets: dict[str, tuple[Preset, ...]] = field(default_factory=dict)
    needs: tuple[Feature, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Everything the agent is to do; ``cpu`` None leaves it to the agent where."""

    seed: int
    cpu: int | None
    benchmarks: tuple[Benchmark, ...]


def read_job(folder: Path) -> Job:
    """The job in ``folder``; an :class:`AgentError` says what is wrong with it."""
    try:
        document = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise AgentError("read job", f"job.json has schema {document['schema']}, this agent knows {SCHEMA}")
        benchmarks = tuple(_benchmark(entry) for entry in document["benchmarks"])
        cpu = document.get("cpu")
        return Job(int(document.get("seed", 1)), None if cpu is None else int(cpu), benchmarks)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise AgentError("read job", f"job.json cannot be used: {type(problem).__name__}: {problem}") from problem


def _benchmark(entry: dict[str, Any]) -> Benchmark:
    sides = tuple(Side(side["name"], side["object"]) for side in entry["sides"])
    phases = tuple(_phase(phase) for phase in entry["phases"])
    for phase in phases:
        if phase.kind not in KINDS:
            raise ValueError(f"phase kind {phase.kind!r}; known: {', '.join(KINDS)}")
        if phase.kind != "shadow" and phase.side not in {side.name for side in sides}:
            raise ValueError(f"a {phase.kind} phase of {entry['name']} names no side of it: {phase.side!r}")
    presets = {
        name: tuple(
            Preset(bytes.fromhex(one["key"]), bytes.fromhex(one["value"]), one.get("actor", "")) for one in found
        )
        for name, found in entry.get("presets", {}).items()
    }
    return Benchmark(
        name=entry["name"],
        sides=sides,
        phases=phases,
        workload=_workload(entry.get("workload")),
        time_limit_s=float(entry.get("time_limit_s", 60)),
        watch={name: Watched.read(one) for name, one in entry.get("watch", {}).items()},
        presets=presets,
        needs=tuple(Feature.read(one) for one in entry.get("needs", ())),
    )


def _phase(entry: dict[str, Any]) -> Phase:
    return Phase(
        kind=entry["kind"],
        side=entry.get("side", ""),
        round=int(entry.get("round", 0)),
        workload=_workload(entry.get("workload")),
        dump=bool(entry.get("dump", False)),
    )


def _workload(entry: dict[str, Any] | None) -> WorkloadUse | None:
    return None if entry is None else WorkloadUse(entry["name"], dict(entry.get("options", {})))
