# SPDX-License-Identifier: Apache-2.0
"""``harness run``."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.checkout import find_checkout
from harness.progress import Progress
from harness.report.terminal import make_console, show, show_verdict
from harness.run import RunOptions, run


def main(arguments: argparse.Namespace) -> int:
    """Do the run, show the report; gives the exit status."""
    checkout = find_checkout()
    options = RunOptions(
        names=tuple(arguments.benchmarks),
        target=arguments.target,
        kernel=arguments.kernel,
        mode=arguments.mode,
        seed=arguments.seed,
        compiler=arguments.compiler,
        cpu=arguments.cpu,
        cost_rounds=arguments.cost_rounds,
        guest_insns=arguments.guest_insns,
        json=Path(arguments.json) if arguments.json else None,
        reports=Path(arguments.reports) if arguments.reports else None,
    )
    progress = Progress(make_console(stderr=True), quiet=arguments.quiet)
    report, place = run(options, checkout, progress)
    console = make_console()
    if arguments.quiet:
        show_verdict(report, console)
    else:
        show(report, console)
        console.print(f"{checkout.relative(place)}/report.json, report.md, junit.xml", style="dim")
    return report.status
