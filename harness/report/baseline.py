# SPDX-License-Identifier: Apache-2.0
"""The committed baseline: Honey's figures on a kernel and with a compiler, which must not grow unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from harness.benchmark import HANDLER_METRICS, HONEY, NOISY_METRICS
from harness.errors import HarnessError
from harness.report.changes import slack
from harness.report.model import BenchmarkReport, BudgetOutcome, Part
from harness.report.words import metric_of
from harness.whole_file import write_whole

#: The figures that repeat on any machine, so that a committed number means something on another.
KEPT: tuple[str, ...] = tuple(metric for metric in HANDLER_METRICS if metric not in NOISY_METRICS)


class Entry(Part):
    """The figures of one benchmark on one kernel with one compiler, by handler and metric."""

    benchmark: str
    kernel: str
    target: str
    compiler: str
    figures: dict[str, dict[str, float]]

    def matches(self, report: BenchmarkReport) -> bool:
        """Whether a report's figures can be held against these."""
        mine = (self.benchmark, self.kernel, self.target, self.compiler)
        return mine == (report.name, report.kernel, report.target, report.compiler)


class Baseline(Part):
    """All entries."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    entries: tuple[Entry, ...] = ()

    def entry(self, report: BenchmarkReport) -> Entry | None:
        """What ``report`` is held against, if anything."""
        return next((entry for entry in self.entries if entry.matches(report)), None)


def baseline_path(reports: Path) -> Path:
    """Where the baseline is kept."""
    return reports / "baseline" / "baseline.json"


def read_baseline(reports: Path) -> Baseline:
    """The baseline, empty where there is none. Raises :class:`HarnessError` for a file that is none."""
    path = baseline_path(reports)
    try:
        return Baseline.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Baseline()
    except (OSError, ValidationError) as error:
        raise HarnessError("reports/baseline/baseline.json cannot be read", details=str(error)) from error


def write_baseline(baseline: Baseline, reports: Path) -> None:
    """Store the baseline."""
    path = baseline_path(reports)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, baseline.model_dump_json(by_alias=True, indent=1) + "\n")


def entry_of(report: BenchmarkReport) -> Entry:
    """A report's figures as an entry."""
    figures = {
        handler: {metric: value for metric in KEPT if (value := metric_of(sides.get(HONEY), metric)) is not None}
        for handler, sides in report.programs.items()
    }
    return Entry(
        benchmark=report.name,
        kernel=report.kernel,
        target=report.target,
        compiler=report.compiler,
        figures=figures,
    )


def held_against(baseline: Baseline, report: BenchmarkReport) -> BenchmarkReport:
    """The report judged by the baseline as well: each figure that has grown is a budget that is crossed."""
    entry = baseline.entry(report)
    if entry is None:
        return report
    now = entry_of(report).figures
    crossed = [
        BudgetOutcome(
            metric=metric,
            side=HONEY,
            against="baseline",
            kind="baseline",
            limit=limit,
            figure=now[handler][metric],
            handler=handler,
            ok=False,
        )
        for handler, figures in entry.figures.items()
        for metric, limit in figures.items()
        if handler in now and metric in now[handler] and now[handler][metric] > limit * (1 + slack(metric, report))
    ]
    reasons = [f"{one.metric} of {one.handler} is {one.figure:g}, {one.limit:g} in the baseline" for one in crossed]
    return report.model_copy(
        update={
            "ok": report.ok and not crossed,
            "reasons": [*report.reasons, *reasons],
            "budgets": [*report.budgets, *crossed],
            "baseline": True,
        }
    )


def updated(baseline: Baseline, report: BenchmarkReport, *, loosen: bool) -> tuple[Baseline, list[str]]:
    """The baseline with ``report``'s figures, and the limits that stayed because the figure has grown or is missing.

    A limit is loosened, or let go, only where ``loosen`` asks for it.
    """
    fresh = entry_of(report)
    old = baseline.entry(report)
    kept: list[str] = []
    figures = {handler: dict(values) for handler, values in fresh.figures.items()}
    for handler, values in old.figures.items() if old and not loosen else ():
        for metric, limit in values.items():
            value = figures.get(handler, {}).get(metric)
            if value is not None and value <= limit:
                continue
            figures.setdefault(handler, {})[metric] = limit
            said = "was not measured" if value is None else f"is {value:g} now"
            kept.append(f"{metric} of {handler} {said}; the limit stays {limit:g}")
    others = [entry for entry in baseline.entries if not entry.matches(report)]
    entries = sorted(
        [*others, fresh.model_copy(update={"figures": figures})],
        key=lambda entry: (entry.benchmark, entry.target, entry.kernel, entry.compiler),
    )
    return Baseline(entries=tuple(entries)), kept
