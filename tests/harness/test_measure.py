# SPDX-License-Identifier: Apache-2.0
"""Figures: how they come together, and what stands where one could not be had."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from harness.measure import statistics
from harness.measure.event_cost import event_cost
from harness.measure.gather import ExactCost, Measured, gather
from harness.measure.statistics import LEAST_BLOCKS, geometric_mean, median_interval, outliers, ratio, sign_ranks
from harness.objects import BpfObject
from harness.result import BenchmarkResult, CounterSums, LoadedProgram, Phase, RunCost


def solo(side: str, block: int, time_ns: int, count: int = 100) -> Phase:
    return Phase(
        kind="solo", side=side, block=block, programs={"on_sendto": RunCost(run_time_ns=time_ns, run_cnt=count)}
    )


def test_an_events_cost_is_the_median_of_the_blocks_less_the_overhead() -> None:
    phases = [solo("c", block, total) for block, total in enumerate((5_000, 6_000, 50_000))]
    phases.append(solo("honey", 0, 1))
    cost = event_cost(phases, "c", "on_sendto", 10.0)
    assert cost.by_block == {0: 40.0, 1: 50.0, 2: 490.0}
    assert (cost.value, cost.events, cost.overhead) == (50.0, 300.0, 10.0)


def test_the_rounds_of_a_block_are_taken_together() -> None:
    cost = event_cost([solo("c", 0, 1_000, 10), solo("c", 0, 5_000, 90)], "c", "on_sendto", 0.0)
    assert cost.by_block == {0: 60.0}


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


def counters(side: str, block: int, **sums: int) -> Phase:
    return Phase(kind="counters", side=side, block=block, counters={"on_sendto": CounterSums(runs=100, **sums)})


def test_hardware_counters_are_per_event_less_those_of_the_empty_program(flows: BpfObject) -> None:
    rounds = [counters("c", block, instructions=300_000 + 1_000 * block, cycles=90_000) for block in range(3)]
    empties = [counters("empty", 0, instructions=200_000, cycles=80_000)]
    found = figures(
        flows,
        result=BenchmarkResult(name="pair", phases=tuple(rounds)),
        empty=BenchmarkResult(name="pair-empty", phases=tuple(empties)),
    )
    assert found.get("cpu_insns_per_event") == 1_010.0
    assert found.by_block["cpu_insns_per_event"] == {0: 1_000.0, 1: 1_010.0, 2: 1_020.0}
    assert found.get("cpu_cycles_per_event") == 100.0
    assert found.get("cache_misses_per_event") == 0.0


def test_counters_say_why_there_are_none(flows: BpfObject) -> None:
    phases = (Phase(kind="counters", side="c", unavailable="this machine offers no hardware counters"),)
    found = figures(flows, result=BenchmarkResult(name="pair", phases=phases))
    assert found.get("cpu_insns_per_event") is None
    assert found.unavailable["cpu_insns_per_event"] == "this machine offers no hardware counters"
    unread = (Phase(kind="counters", side="c", counters={"on_sendto": CounterSums(runs=0)}),)
    found = figures(flows, result=BenchmarkResult(name="pair", phases=unread))
    assert found.unavailable["cpu_cycles_per_event"] == "no event of the counted rounds could be read"


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
    source = random.Random(1)
    samples = [source.gauss(1, 0.01) for _ in range(LEAST_BLOCKS)]
    assert median_interval(samples[1:]) is None
    assert median_interval(samples) == median_interval(samples)


def steady(source: random.Random) -> float:
    return source.gauss(0.0, 0.02)


def interrupted(source: random.Random) -> float:
    """One block in five meets something that takes its time."""
    return source.gauss(0.0, 0.02) + (source.expovariate(5) * source.choice((-1, 1)) if source.random() < 0.2 else 0.0)


def placed(source: random.Random) -> float:
    """Where the program comes to lie decides between two speeds."""
    return source.choice((-0.04, 0.04)) + source.gauss(0.0, 0.01)


@pytest.mark.parametrize("blocks", [8, 10, 20])
@pytest.mark.parametrize("noise", [steady, interrupted, placed])
def test_intervals_cover_the_median_as_often_as_they_say(
    noise: Callable[[random.Random], float], blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    source = random.Random(7)
    covered = 0
    for _ in range(200):
        interval = median_interval([math.exp(noise(source)) for _ in range(blocks)])
        assert interval is not None
        covered += interval[0] <= 1.0 <= interval[1]
    assert covered >= 196


@pytest.mark.parametrize("noise", [steady, interrupted, placed])
def test_intervals_exclude_what_is_far_away(noise: Callable[[random.Random], float]) -> None:
    source = random.Random(8)
    for _ in range(20):
        interval = median_interval([0.5 * math.exp(noise(source)) for _ in range(10)])
        assert interval is not None
        assert interval[1] < 1.0


@pytest.mark.parametrize(("count", "ranks"), [(8, 0), (10, 0), (12, 1), (20, 3)])
def test_ranks_of_the_sign_test(count: int, ranks: int) -> None:
    """As in the tables of the test: of 20, the fourth from each end holds the median in 0.997 of all cases."""
    assert sign_ranks(count) == ranks


def test_outliers_are_named() -> None:
    assert outliers([1.0, 1.01, 0.99, 1.02, 5.0, 1.0]) == [4]
    assert outliers([1.0, 1.0, 1.0, 1.0, 1.0]) == []
