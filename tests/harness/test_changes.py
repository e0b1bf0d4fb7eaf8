# SPDX-License-Identifier: Apache-2.0
"""Comparing runs, and the baseline."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made_reports import benchmark_report, report_of

from harness.report import model
from harness.report.baseline import Baseline, entry_of, held_against, updated
from harness.report.changes import changes, incomparable
from harness.report.store import write_forms

ROOT = Path(__file__).resolve().parents[2]


def figures(**values: Any) -> model.Figures:
    known: dict[str, Any] = {"xlated_insns": 100, "guest_insns_per_event": 1000.0, "ns_per_event": 50.0}
    return model.Figures(**(known | values))


def report(*, ok: bool = True, kernel: str = "6.1", **values: Any) -> model.Report:
    benchmark = benchmark_report(
        kernel=kernel,
        ok=ok,
        parity=model.Parity(equal=ok, oracle_equal=None, events=1),
        programs={"on_send": {"honey": figures(**values), "c": figures()}},
    )
    return report_of(benchmark, status=0, machine=model.Machine(kernel=kernel))


def compare(folder: Path, before: model.Report, after: model.Report, *options: str) -> tuple[int, str]:
    for name, one in (("a", before), ("b", after)):
        (folder / name).mkdir()
        write_forms(one, folder / name)
    command = [sys.executable, "-m", "harness.cli", "compare", str(folder / "a"), str(folder / "b"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("values", "worse"),
    [
        ({"xlated_insns": 101}, True),
        ({"xlated_insns": 99}, False),
        ({"xlated_insns": None}, False),
        ({"guest_insns_per_event": 1001.0}, False),
        ({"guest_insns_per_event": 1010.0}, True),
        ({"ns_per_event": 90.0}, False),
        ({"ns_per_event": 90.0, "ns_per_event_ci": (89.0, 91.0)}, False),
    ],
)
def test_what_counts_as_a_regression(values: dict[str, Any], worse: bool) -> None:
    (change,) = changes(report(), report(**values))
    assert change.worse == worse


def test_times_are_worse_only_where_their_intervals_are_apart() -> None:
    before = report(ns_per_event_ci=(48.0, 52.0))
    (gone,) = changes(before, report(ns_per_event=None))
    assert str(gone).endswith("50 before, not measured now")
    assert not changes(before, report(ns_per_event=53.0, ns_per_event_ci=(51.0, 55.0)))[0].worse
    assert changes(before, report(ns_per_event=60.0, ns_per_event_ci=(58.0, 62.0)))[0].worse


def test_equal_runs_have_no_changes(tmp_path: Path) -> None:
    status, said = compare(tmp_path, report(), report())
    assert (status, "no figure changed" in said) == (0, True)


def test_a_regression_is_shown_and_gives_status_1(tmp_path: Path) -> None:
    status, said = compare(tmp_path, report(), report(xlated_insns=120))
    assert status == 1
    assert "xlated insns" in said
    assert "1.20" in said
    assert "1 of 1 changes are for the worse" in said


def test_a_lost_parity_is_a_regression(tmp_path: Path) -> None:
    status, said = compare(tmp_path, report(), report(ok=False))
    assert status == 1
    assert "pair: holds before, does not hold now" in said


def test_runs_of_different_kernels_are_compared_only_when_asked_for(tmp_path: Path) -> None:
    assert incomparable(report(), report(kernel="6.12")) == ["the kernels differ: 6.1, then 6.12"]
    status, said = compare(tmp_path, report(), report(kernel="6.12", xlated_insns=120))
    assert status == 2
    assert "the kernels differ: 6.1, then 6.12" in said


def test_across_kernels_figures_are_shown_and_not_judged(tmp_path: Path) -> None:
    status, said = compare(tmp_path, report(), report(kernel="6.12", xlated_insns=120), "--across")
    assert status == 0
    assert "1.20" in said


def test_the_baseline_fails_a_run_whose_figures_have_grown() -> None:
    (first,) = report().benchmarks
    baseline = Baseline(entries=(entry_of(first),))
    assert held_against(baseline, first).ok
    (grown,) = report(xlated_insns=101).benchmarks
    judged = held_against(baseline, grown)
    assert not judged.ok
    assert judged.reasons == ["xlated_insns of on_send is 101, 100 in the baseline"]
    (elsewhere,) = report(kernel="6.12", xlated_insns=101).benchmarks
    assert held_against(baseline, elsewhere).ok


def test_times_are_no_part_of_the_baseline() -> None:
    (one,) = report().benchmarks
    assert "ns_per_event" not in entry_of(one).figures["on_send"]


def test_a_limit_is_tightened_and_never_loosened_by_itself() -> None:
    (first,) = report().benchmarks
    baseline, _ = updated(Baseline(), first, loosen=False)
    (better,) = report(xlated_insns=90).benchmarks
    baseline, kept = updated(baseline, better, loosen=False)
    assert (baseline.entries[0].figures["on_send"]["xlated_insns"], kept) == (90, [])
    (worse,) = report(xlated_insns=95).benchmarks
    baseline, kept = updated(baseline, worse, loosen=False)
    assert baseline.entries[0].figures["on_send"]["xlated_insns"] == 90
    assert kept == ["xlated_insns of on_send is 95 now; the limit stays 90"]
    (unmeasured,) = report(xlated_insns=None, object_insns=80).benchmarks
    baseline, kept = updated(baseline, unmeasured, loosen=False)
    assert baseline.entries[0].figures["on_send"]["xlated_insns"] == 90
    assert "xlated_insns of on_send was not measured; the limit stays 90" in kept
    baseline, kept = updated(baseline, worse, loosen=True)
    assert (baseline.entries[0].figures["on_send"]["xlated_insns"], kept) == (95, [])
