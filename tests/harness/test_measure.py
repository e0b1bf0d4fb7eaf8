# SPDX-License-Identifier: Apache-2.0
"""Figures: how they come together, and what stands where one could not be had."""

from __future__ import annotations

import random
from typing import Any

import pytest

from harness.measure.event_cost import event_cost
from harness.measure.gather import ExactCost, Measured, gather
from harness.measure.statistics import bootstrap_median, geometric_mean, outliers, ratio
from harness.objects import BpfObject
from harness.result import BenchmarkResult, LoadedProgram, Phase, RunCost


def solo(side: str, block: int, time_ns: int, count: int = 100) -> Phase:
    return Phase(
        kind="solo", side=side, block=block, programs={"on_sendto": RunCost(run_time_ns=time_ns, run_cnt=count)}
    )


def test_an_events_cost_is_the_median_of_the_blocks_less_the_overhead() -> None:
    phases = [solo("c", block, total) for block, total in enumerate((5_000, 6_000, 50_000))]
    phases.append(solo("honey", 0, 1))
    cost = event_cost(phases, "c", "on_sendto", 10.0)
    assert cost.by_block == (40.0, 50.0, 490.0)
    assert (cost.value, cost.events, cost.overhead) == (50.0, 300.0, 10.0)


def test_the_rounds_of_a_block_are_taken_together() -> None:
    cost = event_cost([solo("c", 0, 1_000, 10), solo("c", 0, 5_000, 90)], "c", "on_sendto", 0.0)
    assert cost.by_block == (60.0,)


def test_a_handler_that_saw_no_event_has_no_cost() -> None:
    assert event_cost([solo("c", 0, 0, 0)], "c", "on_sendto", 0.0).value is None


HANDLERS = {"on_sendto": {"c": "on_sendto", "honey": "on_sendto"}}


def figures(obj: BpfObject, **known: Any) -> Any:
    return gather({"c": obj, "honey": obj}, HANDLERS, Measured(**known))["on_sendto"]["c"]


def test_every_missing_figure_has_its_reason(flows: BpfObject) -> None:
    found = figures(flows, result=BenchmarkResult(name="pair"), reasons={"guest_insns_per_event": "no such guest"})
    assert found.get("object_insns") == 2
    assert found.unavailable["guest_insns_per_event"] == "no such guest"
    assert found.unavailable["ns_per_event"] == "the run had no cost rounds"
    assert set(found.unavailable) == {name for name in found.unavailable if found.get(name) is None}


def test_what_a_kernel_does_not_say_is_named_so(flows: BpfObject) -> None:
    loaded = LoadedProgram(xlated_insns=4, jited_bytes=20, stack_bytes=None, verified_insns=4)
    result = BenchmarkResult(name="pair", programs={"c": {"on_sendto": loaded}})
    found = figures(flows, result=result)
    assert found.get("xlated_insns") == 4
    assert found.unavailable["stack_bytes"] == "this kernel does not report it"


def test_counted_and_executed_instructions_are_per_event(flows: BpfObject) -> None:
    counted = BenchmarkResult(name="pair", phases=(solo("c", 0, 90_000),))
    empty = BenchmarkResult(name="pair-empty", phases=(solo("empty", 0, 4_000),))
    executed = {"c": {"on_sendto": ExactCost(insns=300, events=100)}}
    found = figures(flows, counted=counted, counted_empty=empty, executed=executed)
    assert found.get("guest_insns_per_event") == 860.0
    assert found.get("overhead_guest_insns") == 40.0
    assert found.get("executed_insns_per_event") == 3.0


@pytest.mark.parametrize(
    ("figure", "base", "expected"), [(1.0, 2.0, 0.5), (0.0, 0.0, 1.0), (1.0, 0.0, None), (None, 1.0, None)]
)
def test_ratio(figure: float | None, base: float | None, expected: float | None) -> None:
    assert ratio(figure, base) == expected


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert geometric_mean([0.5, None]) is None
    assert geometric_mean([]) is None
    assert geometric_mean([0.0, 2.0]) == 0.0


def test_an_interval_needs_enough_samples_and_repeats() -> None:
    samples = [random.Random(1).gauss(1, 0.01) for _ in range(4)]
    assert bootstrap_median(samples) is None
    samples += [1.0, 1.01]
    assert bootstrap_median(samples) == bootstrap_median(samples)


def test_intervals_cover_the_truth_and_exclude_what_is_far_from_it() -> None:
    source = random.Random(7)
    covered = 0
    for _ in range(40):
        interval = bootstrap_median([source.gauss(1.0, 0.02) for _ in range(12)])
        assert interval is not None
        covered += interval[0] <= 1.0 <= interval[1]
        assert interval[1] < 1.3
    assert covered >= 36


def test_outliers_are_named() -> None:
    assert outliers([1.0, 1.01, 0.99, 1.02, 5.0, 1.0]) == [4]
    assert outliers([1.0, 1.0, 1.0, 1.0, 1.0]) == []
