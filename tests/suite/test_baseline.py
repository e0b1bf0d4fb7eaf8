# SPDX-License-Identifier: Apache-2.0
"""The committed baseline: what a change is held against, on any machine, by ``make suite TARGET=sim``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.benchmark_file import find_benchmarks
from harness.build import find_compiler
from harness.checkout import find_checkout
from harness.report.baseline import Baseline, Entry, read_baseline
from harness.report.model import BenchmarkReport
from harness.report.store import load_report

CHECKOUT = find_checkout(Path(__file__).parent)
PAIR = "force_kill"
HANDLER_METRIC = "executed_insns_per_event"


def simulated(baseline: Baseline) -> dict[str, Entry]:
    return {entry.benchmark: entry for entry in baseline.entries if entry.target == "sim"}


def test_every_pair_has_limits_for_what_repeats_anywhere() -> None:
    entries = simulated(read_baseline(CHECKOUT.reports))
    assert entries.keys() >= {benchmark.name for benchmark in find_benchmarks(CHECKOUT, [])}
    for entry in entries.values():
        assert entry.figures
        for handler, figures in entry.figures.items():
            assert figures.keys() == {"object_insns", HANDLER_METRIC}, (entry.benchmark, handler)


def run(folder: Path, baseline: dict[str, Any]) -> tuple[int, BenchmarkReport]:
    """The pair, simulated in a checkout whose baseline is ``baseline``."""
    for name in ("benchmarks", "harness", "honey", "reference_c", "workloads"):
        (folder / name).symlink_to(CHECKOUT.root / name)
    (folder / "reports" / "baseline").mkdir(parents=True)
    (folder / "reports" / "baseline" / "baseline.json").write_text(json.dumps(baseline), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "run", PAIR, "--target", "sim", "-q"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    (benchmark,) = load_report(folder / "reports" / "latest").benchmarks
    return done.returncode, benchmark


@pytest.mark.parametrize("less", [0, 1])
def test_an_instruction_more_than_the_baseline_fails_the_run(less: int, tmp_path: Path) -> None:
    compiler = find_compiler().version
    (tmp_path / "first").mkdir()
    _, first = run(tmp_path / "first", {"schema": 1, "entries": []})
    assert not first.baseline
    (handler,) = first.programs
    executed = first.programs[handler]["honey"].executed_insns_per_event
    assert executed is not None
    figures = {handler: {HANDLER_METRIC: executed - less}}
    entry = {"benchmark": PAIR, "kernel": first.kernel, "target": "sim", "compiler": compiler, "figures": figures}
    (tmp_path / "second").mkdir()
    status, second = run(tmp_path / "second", {"schema": 1, "entries": [entry]})
    assert second.baseline
    said = f"{HANDLER_METRIC} of {handler} is {executed:g}, {executed - 1:g} in the baseline"
    assert (said in second.reasons) == bool(less)
    assert (status, second.ok) == ((1, False) if less else (int(not first.ok), first.ok))
