# SPDX-License-Identifier: Apache-2.0
"""Compares a whole benchmark: every map of every side with C's, and each with the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.benchmark import HONEY, MapRule
from harness.compare.difference import EntryDifference
from harness.compare.evidence import Evidence
from harness.compare.one_map import ComparedMap, compare_map
from harness.compare.show import show_differences
from harness.compare.streams import ComparedStream, compare_streams
from harness.errors import RunError


@dataclass(frozen=True, slots=True)
class Comparison:
    """A benchmark's outcome. ``oracle_equal`` is None where nothing was predicted.

    ``events`` counts hook firings; ``contenders`` are their differing entries, summed over the maps; ``remarks`` say
    how the workload was done, and what it could not do.
    """

    equal: bool
    oracle_equal: bool | None
    events: int
    maps: Mapping[str, ComparedMap]
    streams: Mapping[str, ComparedStream]
    contenders: Mapping[str, int]
    differences: tuple[EntryDifference, ...]
    remarks: tuple[str, ...] = ()


def compare(evidence: Evidence) -> Comparison:
    """Compare all sides. Raises :class:`RunError` where the evidence or a rule of the benchmark does not fit."""
    benchmark = evidence.benchmark
    names = evidence.map_names()
    for name in benchmark.maps:
        if name not in names:
            known = ", ".join(names) or "none"
            raise RunError(f"{benchmark.name}: maps.{name}: C has no such map", hint=f"there are: {known}")
    maps = {name: compare_map(evidence, name, benchmark.maps.get(name, MapRule())) for name in names}
    streams = compare_streams(evidence)
    for name in benchmark.streams:
        if not any(name in by_name for by_name in evidence.phase.streams.values()):
            raise RunError(f"{benchmark.name}: streams.{name}: no side has such a stream")
    everything: list[ComparedMap | ComparedStream] = list(maps.values())
    everything += streams.values()
    judged = [one for one in everything if one.rule.compare]
    if not judged:
        raise RunError(f"{benchmark.name}: there is nothing to compare: no map that can be read, and no stream")
    oracle = [one.oracle_differences for one in judged if one.oracle_differences is not None]
    shown = [d for one in maps.values() if one.rule.compare for d in show_differences(evidence, one)]
    return Comparison(
        equal=all(one.against(HONEY) == 0 for one in judged),
        oracle_equal=not any(oracle) if oracle else None,
        events=sum(event.count for event in evidence.events),
        maps=maps,
        streams=streams,
        contenders={side: sum(one.against(side) for one in judged) for side in benchmark.contenders},
        differences=(*shown, *(d for one in streams.values() for d in one.found)),
        remarks=(*evidence.phase.notes, *evidence.phase.deviations),
    )
