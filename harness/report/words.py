# SPDX-License-Identifier: Apache-2.0
"""Names and number formats that all forms of the report share."""

from __future__ import annotations

from collections.abc import Mapping

from harness.benchmark import HANDLER_METRICS, HONEY, NOISY_METRICS, C
from harness.report.model import BenchmarkReport, BudgetOutcome, Figures, Interval, PassDependence, Ratio, Report

#: What people call the figures, in the order in which they are shown.
METRIC_TITLES: Mapping[str, str] = {
    "object_insns": "object insns",
    "xlated_insns": "xlated insns",
    "jited_bytes": "JITed bytes",
    "stack_bytes": "stack bytes",
    "verified_insns": "verified insns",
    "executed_insns_per_event": "eBPF insns / event",
    "guest_insns_per_event": "guest insns / event",
    "ns_per_event": "ns / event",
    "cpu_insns_per_event": "CPU insns / event",
    "cpu_cycles_per_event": "CPU cycles / event",
    "cache_misses_per_event": "cache misses / event",
}
assert tuple(METRIC_TITLES) == HANDLER_METRICS

#: Figures below it are shown to a hundredth.
_SMALL = 5.0
#: Stands where there is nothing to show.
NONE = "-"

KIND_TITLES: Mapping[str, str] = {
    "geomean": "geometric mean",
    "worst": "worst handler",
    "worst_below": "worst handler",
    "ratio": "ratio",
}


def figure(value: float | None) -> str:
    """A figure for a table: whole numbers as they are, others to a tenth, small ones to a hundredth."""
    if value is None:
        return NONE
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= _SMALL else f"{value:.2f}"


def ratio(value: float | None) -> str:
    """A ratio to two places."""
    return NONE if value is None else f"{value:.2f}"


def comparisons(benchmark: BenchmarkReport) -> dict[str, Mapping[str, Ratio]]:
    """What Honey is compared with: C, then the contenders; with Honey's ratios over each, by metric."""
    return {C: benchmark.ratios.get(HONEY, {}), **benchmark.over}


def better(metric: str, value: float | None, interval: Interval | None = None) -> bool | None:
    """Whether a ratio is for the better; None where that cannot be said: a noisy figure without a clear interval."""
    clear = metric not in NOISY_METRICS or (interval is not None and interval.conclusive)
    return value <= 1 if value is not None and clear else None


def with_interval(one: Ratio | None) -> str:
    """``0.46``, with its interval where there is one: ``0.46 (0.44-0.49)``."""
    if one is None or one.interval is None:
        return ratio(one.geomean if one else None)
    return f"{ratio(one.geomean)} ({ratio(one.interval.low)}-{ratio(one.interval.high)})"


def judged_by_interval(ratios: Mapping[str, Ratio]) -> dict[str, Ratio]:
    """Those of the ratios by metric that have an interval."""
    return {metric: one for metric, one in ratios.items() if one.interval is not None or one.intervals}


def held_against(benchmark: BenchmarkReport) -> str:
    """Whether there was a baseline to hold the figures against, in a sentence."""
    if benchmark.baseline:
        crossed = sum(outcome.kind == "baseline" for outcome in benchmark.budgets)
        return f"{crossed} figures are above the baseline" if crossed else "no figure is above the baseline"
    return "there is no baseline for this kernel, target and compiler"


def contenders(benchmark: BenchmarkReport) -> list[str]:
    """What is to be said of each contender's maps, in a sentence each."""
    return [
        f"{name} has the same maps as c" if one.equal else f"{name} differs from c in {one.differences:,} entries"
        for name, one in benchmark.parity.contenders.items()
    ]


def metric_of(figures: Figures | None, metric: str) -> float | None:
    """The figure called ``metric``; None where a side lacks the handler."""
    value = getattr(figures, metric) if figures is not None else None
    return None if value is None else float(value)


def measured_metrics(benchmark: BenchmarkReport) -> list[str]:
    """The metrics that at least one handler has."""
    return [
        metric
        for metric in METRIC_TITLES
        if any(
            metric_of(figures, metric) is not None
            for by_side in benchmark.programs.values()
            for figures in by_side.values()
        )
    ]


def metrics_of(report: Report) -> list[str]:
    """The metrics that some benchmark of the report has."""
    there = {metric for benchmark in report.benchmarks for metric in measured_metrics(benchmark)}
    return [metric for metric in METRIC_TITLES if metric in there]


def unmeasured(benchmark: BenchmarkReport) -> dict[str, str]:
    """The metrics that no handler has, those of the same reason together, with the reason."""
    measured = measured_metrics(benchmark)
    names: dict[str, dict[str, None]] = {}
    for by_side in benchmark.programs.values():
        for figures in by_side.values():
            for metric, reason in figures.unavailable.items():
                if metric not in measured:
                    names.setdefault(reason, {})[METRIC_TITLES.get(metric, metric.replace("_", " "))] = None
    return {", ".join(titles): reason for reason, titles in names.items()}


def part_name(report: Report, benchmark: BenchmarkReport) -> str:
    """The benchmark's name, with what tells it from others of its name in the report."""
    forms = {"target": "{}", "kernel": "{}", "compiler": "{}", "seed": "seed {}"}
    told = [
        form.format(getattr(benchmark, what))
        for what, form in forms.items()
        if len({getattr(one, what) for one in report.benchmarks}) > 1
    ]
    return ", ".join([benchmark.name, *told])


def budget_name(outcome: BudgetOutcome) -> str:
    """``xlated insns, honey / c, geometric mean``."""
    metric = METRIC_TITLES.get(outcome.metric, outcome.metric.replace("_", " "))
    if outcome.kind == "baseline":
        return f"{metric}, {outcome.side}, baseline"
    if outcome.kind == "at_most":
        return f"{metric}, {outcome.side}, largest"
    return f"{metric}, {outcome.side} / {outcome.against}, {KIND_TITLES[outcome.kind]}"


def budget_limit(outcome: BudgetOutcome) -> str:
    """``at most 0.75`` or ``below 1.00``."""
    bound = "below" if outcome.kind == "worst_below" else "at most"
    return f"{bound} {budget_figure(outcome, outcome.limit)}"


def budget_figure(outcome: BudgetOutcome, value: float | None) -> str:
    """A figure of this budget: ratios to two places, others as figures."""
    return figure(value) if outcome.kind in {"at_most", "baseline"} else ratio(value)


def dependence(one: PassDependence) -> str:
    """How two passes depend on each other, in a sentence without its figures."""
    first, second = one.passes
    if one.needs:
        return f"{first} and {second} need each other: much of what either saves, it saves only with the other"
    return f"{first} and {second} do some of each other's work: without one, the other saves more"


def verdict(ok: bool | None) -> str:
    """``holds``, ``differs`` or ``not checked``."""
    return "not checked" if ok is None else "holds" if ok else "differs"


def seconds(value: float) -> str:
    """``1.2 s``."""
    return f"{value:.1f} s"


def tail(log: str, most: int) -> str:
    """The last lines of a tool's words, which is where it says what is wrong."""
    lines = log.rstrip().splitlines()
    left_out = len(lines) - most
    return "\n".join(lines if left_out <= 0 else [f"[{left_out} lines above, in report.json]", *lines[-most:]])
