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
from harness.errors import RunError


@dataclass(frozen=True, slots=True)
class Comparison:
    """A benchmark's outcome. ``oracle_equal`` is None where nothing was predicted.

    ``events`` counts hook firings; ``contenders`` are their differing entries, summed over the maps.
    """

    equal: bool
    oracle_equal: bool | None
    events: int
    maps: Mapping[str, ComparedMap]
    contenders: Mapping[str, int]
    differences: tuple[EntryDifference, ...]


def compare(evidence: Evidence) -> Comparison:
    """Compare all sides. Raises :class:`RunError` where the evidence or a rule of the benchmark does not fit."""
    benchmark = evidence.benchmark
    names = evidence.map_names()
    for name in benchmark.maps:
        if name not in names:
            known = ", ".join(names) or "none"
            raise RunError(f"{benchmark.name}: maps.{name}: C has no such map", hint=f"there are: {known}")
    maps = {name: compare_map(evidence, name, benchmark.maps.get(name, MapRule())) for name in names}
    judged = [compared for compared in maps.values() if compared.rule.compare]
    oracle = [compared.oracle_differences for compared in judged if compared.oracle_differences is not None]
    return Comparison(
        equal=all(compared.differences(HONEY) == 0 for compared in judged),
        oracle_equal=not any(oracle) if oracle else None,
        events=sum(event.count for event in evidence.events),
        maps=maps,
        contenders={side: sum(compared.differences(side) for compared in judged) for side in benchmark.contenders},
        differences=tuple(d for compared in judged for d in show_differences(evidence, compared)),
    )
