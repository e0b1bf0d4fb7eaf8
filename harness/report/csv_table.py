# SPDX-License-Identifier: Apache-2.0
"""``report.csv``, as ``veristat -o csv`` writes it, and ``figures.csv``, a row for each side of each handler.

``veristat -C`` reads no column that it does not know and no empty field (``tools/testing/selftests/bpf/veristat.c``,
``parse_stats_csv``), so the first has its columns and nothing else, and only programs of which the verifier told all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from harness.benchmark import HANDLER_METRICS
from harness.report import words
from harness.report.model import Figures, Report

_VERISTAT = ("file_name", "prog_name", "verdict", "duration", "total_insns", "total_states", "peak_states")
_PLACE = ("pair", "kernel", "target", "compiler", "seed", "handler", "side")


def csv_table(report: Report) -> str:
    """What the verifier said of each program; ``duration`` is microseconds."""
    rows = []
    for benchmark in report.benchmarks:
        part = words.part_name(report, benchmark).replace(", ", "-")
        for handler, sides in benchmark.programs.items():
            rows += [_verified(f"{part}/{side}.bpf.o", handler, figures) for side, figures in sides.items()]
    return _table(_VERISTAT, [row for row in rows if None not in row.values()])


def figures_table(report: Report) -> str:
    """All figures, those that could not be had left empty."""
    rows: list[dict[str, object]] = []
    for benchmark in report.benchmarks:
        place: dict[str, object] = {n: getattr(benchmark, n) for n in ("kernel", "target", "compiler", "seed")}
        for handler, sides in benchmark.programs.items():
            for side, figures in sides.items():
                values: dict[str, object] = {metric: getattr(figures, metric) for metric in HANDLER_METRICS}
                rows.append({"pair": benchmark.name, **place, "handler": handler, "side": side, **values})
    return _table((*_PLACE, *HANDLER_METRICS), rows)


def _verified(file: str, handler: str, figures: Figures) -> dict[str, object]:
    return {
        "file_name": file,
        "prog_name": handler,
        "verdict": "success",
        "duration": None if figures.load_ns is None else figures.load_ns // 1000,
        "total_insns": figures.verified_insns,
        "total_states": figures.total_states,
        "peak_states": figures.peak_states,
    }


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
