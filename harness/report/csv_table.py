# SPDX-License-Identifier: Apache-2.0
"""``report.csv``: a row a program, in the columns of ``veristat -o csv``, then our own figures.

``duration`` is microseconds, as there; ``total_insns`` are the instructions that the verifier processed.
"""

from __future__ import annotations

import csv
import io

from harness.benchmark import HANDLER_METRICS
from harness.report.model import Figures, Report

_VERISTAT = ("file_name", "prog_name", "verdict", "duration", "total_insns", "total_states", "peak_states")


def csv_table(report: Report) -> str:
    """The report as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*_VERISTAT, *HANDLER_METRICS], lineterminator="\n")
    writer.writeheader()
    for benchmark in report.benchmarks:
        for handler, sides in benchmark.programs.items():
            for side, figures in sides.items():
                writer.writerow(_row(f"{benchmark.name}/{side}.bpf.o", handler, figures))
    return out.getvalue()


def _row(file: str, handler: str, figures: Figures) -> dict[str, object]:
    duration = None if figures.load_ns is None else figures.load_ns // 1000
    return {
        "file_name": file,
        "prog_name": handler,
        "verdict": "success" if figures.verified_insns is not None else "",
        "duration": duration,
        "total_insns": figures.verified_insns,
        "total_states": figures.total_states,
        "peak_states": figures.peak_states,
        **{metric: getattr(figures, metric) for metric in HANDLER_METRICS},
    }
