# SPDX-License-Identifier: Apache-2.0
"""``harness report``."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.checkout import find_checkout
from harness.report.readme import put_figures
from harness.report.store import load_report, write_forms
from harness.report.terminal import make_console, show


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness report`` takes."""
    parser.description = "Shows a stored run, and makes its other forms anew from report.json."
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="a run's folder (default: reports/latest)")
    parser.add_argument("--output", "-o", type=Path, metavar="FOLDER", help="write the forms there (default: the run)")
    parser.add_argument("--readme", type=Path, metavar="PAGE", help="also put the run's figures into a Markdown page")


def main(given: argparse.Namespace) -> int:
    """Show and write; gives the exit status."""
    checkout = find_checkout()
    run = given.run or checkout.reports / "latest"
    report = load_report(run)
    folder = given.output or (run if run.is_dir() else run.parent)
    folder.mkdir(parents=True, exist_ok=True)
    write_forms(report, folder)
    if given.readme is not None:
        put_figures(given.readme, report)
    show(report, make_console())
    return 0
