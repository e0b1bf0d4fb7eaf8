# SPDX-License-Identifier: Apache-2.0
"""``harness compare``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.benchmark import NOISY_METRICS
from harness.report import words
from harness.report.changes import Change, changes, refuse_incomparable, verdicts
from harness.report.store import load_report
from harness.report.terminal import make_console


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness compare`` takes."""
    parser.description = (
        "Shows which figures changed between two runs. Exit status 1 for a regression: a benchmark that does not hold "
        "any more, or a figure of Honey's that has grown by more than it varies."
    )
    parser.add_argument("before", metavar="A", type=Path, help="a report.json, or a folder with one")
    parser.add_argument("after", metavar="B", type=Path, help="the later one")
    parser.add_argument("--across", action="store_true", help="also across kernels, compilers and targets")


def main(given: argparse.Namespace) -> int:
    """Compare; gives the exit status."""
    before, after = load_report(given.before), load_report(given.after)
    if not given.across:
        refuse_incomparable(before, after)
    found = changes(before, after)
    turned = verdicts(before, after)
    console = make_console()
    for one in turned:
        console.print(f"{one.benchmark}: {_holds(one.before)} before, {_holds(one.after)} now")
    if found:
        console.print(_table(found, judged=not given.across))
    worse = [] if given.across else [change for change in found if change.worse]
    _say_last(console, found, worse)
    return int(bool(worse) or any(one.before and not one.after for one in turned))


def _holds(ok: bool) -> str:
    return "holds" if ok else "does not hold"


def _table(found: list[Change], *, judged: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("pair", "handler", "side", "figure", "before", "after", "ratio", ""):
        table.add_column(name, justify="right" if name in {"before", "after", "ratio"} else "left")
    for one in found:
        mark = Text("worse", "bold red") if one.worse and judged else Text("")
        if one.metric in NOISY_METRICS and judged and not one.worse:
            mark = Text("varies", "dim")
        figures = (words.figure(one.before), words.figure(one.after), words.ratio(one.ratio))
        table.add_row(one.benchmark, one.handler, one.side, words.METRIC_TITLES[one.metric], *figures, mark)
    return table


def _say_last(console: Console, found: list[Change], worse: list[Change]) -> None:
    if worse:
        console.print(f"{len(worse)} of {len(found)} changes are for the worse", style="bold red")
    else:
        console.print(f"{len(found)} figures changed, no regression" if found else "no figure changed", style="green")
