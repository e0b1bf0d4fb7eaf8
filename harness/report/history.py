# SPDX-License-Identifier: Apache-2.0
"""The trend: earlier runs of the same benchmark, taken from the stored history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.benchmark import HANDLER_METRICS, HONEY, NOISY_METRICS
from harness.report.changes import benchmark_changes, slack
from harness.report.model import BenchmarkReport, Past, Report

MOST = 50


def with_history(report: Report, reports: Path) -> Report:
    """The report with what earlier runs found."""
    stored = list(_stored(reports / "history"))
    parts = []
    for benchmark in report.benchmarks:
        same = {"name": benchmark.name, "kernel": benchmark.kernel, "target": benchmark.target}
        past = [
            Past(created=document["created"], commit=document["commit"], ratios=ratios)
            for document in stored
            for one in document["benchmarks"]
            if all(one.get(key) == value for key, value in same.items()) and (ratios := _ratios(one))
        ]
        update = {"history": past[-MOST:], "since_last": _since_last(benchmark, stored)}
        parts.append(benchmark.model_copy(update=update))
    return report.model_copy(update={"benchmarks": parts})


def _since_last(benchmark: BenchmarkReport, stored: Sequence[dict[str, Any]]) -> list[str] | None:
    """What changed since the last stored run that can be compared, in words; None where there is none."""
    wanted = {name: getattr(benchmark, name) for name in ("name", "kernel", "target", "compiler")}
    for document in reversed(stored):
        for one in document["benchmarks"]:
            if all(one.get(name) == value for name, value in wanted.items()):
                return _changed(one, benchmark)
    return None


def _changed(document: dict[str, Any], benchmark: BenchmarkReport) -> list[str] | None:
    try:
        before = BenchmarkReport.model_validate(document)
    except ValidationError:  # stored by an older harness
        return None
    lines = []
    if before.ok != benchmark.ok:
        lines.append("holds now" if benchmark.ok else "held before")
    lines += [
        str(one)
        for one in benchmark_changes(before, benchmark)
        if one.metric not in NOISY_METRICS and abs((one.ratio or 0.0) - 1) > slack(one.metric, benchmark)
    ]
    return lines


def _stored(history: Path) -> Iterator[dict[str, Any]]:
    """Reports in the history, the oldest first; those that cannot be read, or are of another schema, are left out."""
    for path in sorted(history.glob("*/report.json"))[-MOST:]:
        document = _read(path)
        if document is not None:
            yield document


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    known = isinstance(document, dict) and document.get("schema") == 1
    return document if known and isinstance(document.get("benchmarks"), list) else None


def _ratios(benchmark: dict[str, Any]) -> dict[str, float]:
    found = benchmark.get("ratios", {}).get(HONEY, {})
    return {
        metric: found[metric]["geomean"]
        for metric in HANDLER_METRICS
        if isinstance(found.get(metric, {}).get("geomean"), float)
    }
