# SPDX-License-Identifier: Apache-2.0
"""The verdict and its exit status."""

from __future__ import annotations

from typing import Any

import pytest
from made_benchmarks import benchmark_of

from harness.benchmark import Benchmark
from harness.judge import Outcome, Verdict, judge, judge_budgets, status
from harness.measure.figures import make_figures


def budgets(*limits: dict[str, Any]) -> Benchmark:
    return benchmark_of(budgets=list(limits))


def table(**handlers: tuple[float | None, float | None]) -> Any:
    return {
        name: {
            "honey": make_figures({"xlated_insns": honey}, {}),
            "c": make_figures({"xlated_insns": c}, {}),
        }
        for name, (honey, c) in handlers.items()
    }


@pytest.mark.parametrize(
    ("limit", "figure", "ok", "handler"),
    [
        ({"geomean": 1.0}, 1.0, True, ""),
        ({"geomean": 0.9}, 1.0, False, ""),
        ({"worst": 2.0}, 2.0, True, "b"),
        ({"worst_below": 2.0}, 2.0, False, "b"),
        ({"at_most": 60}, 60.0, True, "b"),
        ({"at_most": 59}, 60.0, False, "b"),
        ({"worst": 0.5, "handler": "a"}, 0.5, True, "a"),
    ],
)
def test_limits(limit: dict[str, Any], figure: float, ok: bool, handler: str) -> None:
    benchmark = budgets({"metric": "xlated_insns", **limit})
    (outcome,) = judge_budgets(benchmark, table(a=(50, 100), b=(60, 30)), {})
    assert outcome.figure == pytest.approx(figure)
    assert (outcome.ok, outcome.handler) == (ok, handler)


@pytest.mark.parametrize(
    ("release", "judged"), [("6.1.0-56-amd64", 2), ("6.12.1", 1), ("6", 1), ("6.1-rc1", 2), ("", 1)]
)
def test_a_limit_may_be_for_some_kernels_only(release: str, judged: int) -> None:
    benchmark = budgets(
        {"metric": "xlated_insns", "worst": 1.0, "kernels": ["5.10", "6.1"]}, {"metric": "xlated_insns", "worst": 2.0}
    )
    assert len(judge_budgets(benchmark, table(a=(50, 100)), {}, kernel=release)) == judged


def test_a_limit_whose_figure_is_missing_is_neither_held_nor_crossed() -> None:
    benchmark = budgets({"metric": "xlated_insns", "geomean": 1.0, "worst": 1.0})
    outcomes = judge_budgets(benchmark, table(a=(50, 100), b=(None, 30)), {})
    assert [outcome.ok for outcome in outcomes] == [None, None]


def test_emitted_lines_are_held_against_the_lines_written_by_hand() -> None:
    benchmark = budgets({"metric": "emitted_lines", "ratio": 1.0})
    (outcome,) = judge_budgets(benchmark, {}, {"honey": {"emitted_lines": 120}, "c": {"source_lines": 100}})
    assert (outcome.figure, outcome.ok) == (1.2, False)


CROSSED = Outcome("xlated_insns", "honey", "c", "geomean", 0.75, 0.8, False)
UNKNOWN = Outcome("ns_per_event", "honey", "c", "geomean", 0.75, None, None)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, ""),
        ({"oracle_equal": None}, ""),
        ({"budgets": [UNKNOWN]}, ""),
        ({"equal": False}, "honey and c differ"),
        ({"oracle_equal": False}, "the maps differ from what the oracle predicts"),
        ({"events": 0}, "no events were driven: equal maps would mean nothing"),
        (
            {"budgets": [CROSSED]},
            "budget crossed: xlated_insns, honey / c (geometric mean): 0.8, at most 0.75",
        ),
        ({"error": "load: refused"}, "load: refused"),
    ],
)
def test_the_verdict_names_its_reason(found: dict[str, Any], reason: str) -> None:
    everything_fine: dict[str, Any] = {"equal": True, "oracle_equal": True, "events": 5, "budgets": []}
    verdict = judge(**(everything_fine | found))
    assert verdict.reasons == ((reason,) if reason else ())
    assert verdict.ok == (not reason)


def test_exit_status() -> None:
    good, bad = Verdict(True, ()), Verdict(False, ("x",))
    assert int(status([good, good])) == 0
    assert int(status([good, bad])) == 1
    assert int(status([good], cannot_run=True)) == 2
    assert int(status([])) == 2
