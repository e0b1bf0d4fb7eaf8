# SPDX-License-Identifier: Apache-2.0
"""``harness baseline``."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.checkout import find_checkout
from harness.errors import HarnessError
from harness.report.baseline import read_baseline, updated, write_baseline
from harness.report.model import Report
from harness.report.store import load_report
from harness.report.terminal import make_console


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness baseline`` takes."""
    parser.description = (
        "The baseline are Honey's figures that repeat on any machine; a run on the same kernel with the same compiler "
        "fails where one has grown. `show` prints it, `update` takes the figures of a run."
    )
    parser.add_argument("action", choices=("show", "update"))
    parser.add_argument("report", nargs="?", type=Path, metavar="REPORT", help="the run (default: reports/latest)")
    parser.add_argument("--loosen", action="store_true", help="also take figures that have grown, or are gone")


def main(given: argparse.Namespace) -> int:
    """Show or update; gives the exit status."""
    checkout = find_checkout()
    console = make_console()
    baseline = read_baseline(checkout.reports)
    if given.action == "show":
        if given.report is not None or given.loosen:
            raise HarnessError("`show` prints the baseline as it is; REPORT and --loosen are for `update`")
        for entry in baseline.entries:
            console.print(f"{entry.benchmark}, kernel {entry.kernel}, target {entry.target}, {entry.compiler}")
            for handler, figures in entry.figures.items():
                said = ", ".join(f"{metric} {value:g}" for metric, value in figures.items())
                console.print(f"  {handler}: {said}")
        return 0
    report = load_report(given.report or checkout.reports / "latest")
    _must_hold(report)
    kept: list[str] = []
    for benchmark in report.benchmarks:
        baseline, more = updated(baseline, benchmark, loosen=given.loosen)
        kept += [f"{benchmark.name}: {line}" for line in more]
    write_baseline(baseline, checkout.reports)
    for line in kept:
        console.print(line, style="yellow")
    count = len(report.benchmarks)
    console.print(f"the baseline has the figures of {count} benchmark{'' if count == 1 else 's'}")
    if kept:
        console.print("--loosen takes the figures of this run as they are")
    return 0


def _must_hold(report: Report) -> None:
    wrong = [benchmark.name for benchmark in report.benchmarks if not benchmark.parity.equal]
    if report.error is not None or wrong or not report.benchmarks:
        raise HarnessError(
            "only a run in which parity holds can become the baseline"
            + (f"; it does not for {', '.join(wrong)}" if wrong else "")
        )
