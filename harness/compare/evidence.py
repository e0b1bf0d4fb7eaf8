# SPDX-License-Identifier: Apache-2.0
"""What a comparison rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.benchmark import Benchmark, C, MapRule
from harness.compare.culprits import Touched, touched
from harness.compare.entries import Entries, read_entries
from harness.compare.layout import KEY, MapLayout, map_layout
from harness.compare.pair import Span
from harness.compare.prediction import Prediction, own_entries
from harness.errors import RunError
from harness.objects import BpfObject
from harness.result import MapFile, Phase
from harness.watching import initial_contents
from workloads.events import Event
from workloads.oracles import Context, Predict


@dataclass(frozen=True)
class Evidence:
    """The objects by side, the phase with its files below ``folder``, and the events that were driven.

    ``oracle`` is None where the benchmark has none. ``left_out`` counts entries of other processes that were in C's
    maps and are not any more.
    """

    benchmark: Benchmark
    objects: Mapping[str, BpfObject]
    phase: Phase
    folder: Path
    events: Sequence[Event]
    oracle: Predict | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def prediction(self) -> Prediction | None:
        """What the oracle makes of all events, given the room that other processes' entries leave in C's maps."""
        if self.oracle is None:
            return None
        occupied = {name: self.occupied(name) for name, rule in self.benchmark.maps.items() if rule.scope}
        span = self.span
        initial = initial_contents(self.benchmark, {event.actor: event.pid for event in self.events})
        return self.oracle(self.events, Context(self._max_entries, occupied, span.start_ns, span.end_ns, initial))

    @cached_property
    def touched(self) -> Touched:
        """Which events touch which entries; takes its time, so it is asked for only where there is a difference."""
        if self.oracle is None:
            return Touched()
        oracle, context = self.oracle, Context()
        return touched(self.events, lambda events: oracle(events, context))

    @property
    def _max_entries(self) -> dict[str, int]:
        return {name: file.max_entries for name, file in self.phase.maps.get(C, {}).items()}

    def occupied(self, name: str) -> int:
        """How many of C's entries other processes caused."""
        return self.own(C, name)[1] + self.left_out.get(name, 0)

    def own(self, side: str, name: str) -> tuple[dict[bytes, bytes], int]:
        """A side's entries of the workload's own processes, and how many others there are."""
        rule = self.benchmark.maps.get(name, MapRule())
        scope = self.layout(side, name).scalar(rule.scope, default=KEY) if rule.scope else None
        return own_entries(self.entries(side, name), scope, set(self.phase.pids))

    def entries(self, side: str, name: str) -> Entries:
        """The entries a side left in a map. Raises :class:`RunError` where they were not read."""
        file = self.file(side, name)
        if file.file is None:
            raise RunError(f"map {name}: the entries of the {side} side were not read")
        rule = self.benchmark.maps.get(name, MapRule())
        return read_entries(self.folder / file.file, self.layout(side, name), zero_is_absent=rule.zero_is_absent)

    @property
    def span(self) -> Span:
        """The run's time."""
        return Span(self.phase.start_ns, self.phase.end_ns, self.phase.stalls)

    def map_names(self) -> list[str]:
        """The maps that C declares and whose entries were read, in C's order."""
        dumped = self.phase.maps.get(C, {})
        return [name for name in self.objects[C].declared_maps if name in dumped and dumped[name].file]

    def file(self, side: str, name: str) -> MapFile:
        """A side's dump. Raises :class:`RunError` where the side lacks the map or it is of another shape than C's."""
        files = self.phase.maps.get(side, {})
        if name not in files:
            raise RunError(f"map {name}: the {side} side has no such map", hint="its maps: " + ", ".join(files))
        mine = files[name]
        base = self.phase.maps.get(C, files)[name]
        for what in ("type", "key_size", "value_size"):
            one, other = getattr(mine, what), getattr(base, what)
            if one != other:
                raise RunError(f"map {name}: {what.replace('_', ' ')} is {one} in {side}, {other} in {C}")
        return mine

    def layout(self, side: str, name: str) -> MapLayout:
        """How the entries of a side's dump are laid out."""
        file = self.file(side, name)
        stride = (file.value_size + 7) // 8 * 8
        cpus = (file.value_bytes or stride) // stride if "percpu" in file.type else 1
        return map_layout(self.objects[side], name, cpus)
