# SPDX-License-Identifier: Apache-2.0
"""Figures in a Markdown page, between two marks, taken from a run: nobody writes them by hand."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError
from harness.report import words
from harness.report.model import Report
from harness.whole_file import write_whole

BEGIN, END = "<!-- figures: begin", "<!-- figures: end -->"
_SHOWN = ("executed_insns_per_event", "guest_insns_per_event", "xlated_insns")


def put_figures(page: Path, report: Report) -> None:
    """Replace what stands between the marks of ``page``. Raises :class:`HarnessError` if it has none.

    The report of a matrix is refused: a row could not say which of its runs it is about.
    """
    if report.cells:
        raise HarnessError("a page shows the figures of one run, not of a matrix", hint="name the folder of a run")
    text = page.read_text(encoding="utf-8")
    start, end = text.find(BEGIN), text.find(END)
    if start < 0 or end < start:
        raise HarnessError(f"{page.name} has no marks for figures", hint=f"put `{BEGIN} -->` and `{END}` into it")
    after_mark = text.index("-->", start) + len("-->")
    write_whole(page, f"{text[:after_mark]}\n{_figures(report)}{text[end:]}")


def _figures(report: Report) -> str:
    rows = []
    for benchmark in report.benchmarks:
        ratios = benchmark.ratios.get("honey", {})
        means = [words.ratio(ratios[metric].geomean) if metric in ratios else words.NONE for metric in _SHOWN]
        same = "equal" if benchmark.parity.equal else "differ"
        rows.append(f"| `{benchmark.name}` | {same} | {' | '.join(means)} |")
    titles = " | ".join(words.METRIC_TITLES[metric] for metric in _SHOWN)
    where = f"kernel {report.machine.kernel}, target {report.target}, {report.compiler}"
    return (
        f"Honey over hand-written C, geometric means over the handlers; below 1 Honey is cheaper ({where}):\n\n"
        f"| pair | results | {titles} |\n|---|---|{'---|' * len(_SHOWN)}\n" + "\n".join(rows) + "\n"
    )
