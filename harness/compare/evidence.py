# SPDX-License-Identifier: Apache-2.0
"""What a comparison rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.benchmark import Benchmark, C
from harness.compare.culprits import Predict
from harness.compare.layout import MapLayout, map_layout
from harness.compare.pair import Span
from harness.compare.prediction import Prediction
from harness.errors import RunError
from harness.objects import BpfObject
from harness.result import MapFile, Phase
from workloads.events import Event


@dataclass(frozen=True)
class Evidence:
    """The objects by side, the phase with its files below ``folder``, and the events that were driven.

    ``predict`` is the oracle, None where the benchmark has none.
    """

    benchmark: Benchmark
    objects: Mapping[str, BpfObject]
    phase: Phase
    folder: Path
    events: Sequence[Event]
    predict: Predict | None = None

    @cached_property
    def prediction(self) -> Prediction | None:
        """What the oracle makes of all events."""
        return self.predict(self.events) if self.predict is not None else None

    @property
    def span(self) -> Span:
        """The run's time."""
        return Span(self.phase.start_ns, self.phase.end_ns)

    def map_names(self) -> list[str]:
        """The maps that C declares and whose entries were read, in C's order."""
        dumped = self.phase.maps.get(C, {})
        return [name for name in self.objects[C].declared_maps if name in dumped and dumped[name].file]

    def file(self, side: str, name: str) -> MapFile:
        """A side's dump. Raises :class:`RunError` where the side lacks the map or it is of another shape than C's."""
        files = self.phase.maps.get(side, {})
        if name not in files:
            raise RunError(f"map {name}: the {side} side has no such map", hint="its maps: " + ", ".join(files))
        mine, base = files[name], self.phase.maps[C][name]
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
