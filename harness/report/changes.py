# SPDX-License-Identifier: Apache-2.0
"""What changed between two reports, and what of it is a regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.benchmark import HANDLER_METRICS, HONEY, NOISY_METRICS
from harness.errors import HarnessError
from harness.report.model import BenchmarkReport, Figures, Report
from harness.report.words import metric_of

TIMED = "ns_per_event"
COUNTED = "guest_insns_per_event"


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before and after; None where it was not there. ``worse`` marks a regression."""

    benchmark: str
    handler: str
    side: str
    metric: str
    before: float | None
    after: float | None
    worse: bool

    def __str__(self) -> str:
        before, after = ("not measured" if one is None else f"{one:g}" for one in (self.before, self.after))
        return f"{self.metric} of {self.handler}, {self.side}: {before} before, {after} now"

    @property
    def ratio(self) -> float | None:
        """After over before."""
        return self.after / self.before if self.before and self.after is not None else None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A benchmark that held before and does not now, or the other way round."""

    benchmark: str
    before: bool
    after: bool


def incomparable(before: Report, after: Report) -> list[str]:
    """Why figures of the two cannot be held against each other, in sentences."""
    reasons = []
    for what, one, other in (
        ("kernels", before.machine.kernel, after.machine.kernel),
        ("compilers", before.compiler, after.compiler),
        ("targets", before.target, after.target),
    ):
        if one != other:
            reasons.append(f"the {what} differ: {one or 'unknown'}, then {other or 'unknown'}")
    if not {b.name for b in before.benchmarks} & {b.name for b in after.benchmarks}:
        reasons.append("they have no benchmark in common")
    return reasons


def changes(before: Report, after: Report) -> list[Change]:
    """All figures that changed, in the order of the second report."""
    known = {benchmark.name: benchmark for benchmark in before.benchmarks}
    return [
        change
        for benchmark in after.benchmarks
        if benchmark.name in known
        for change in benchmark_changes(known[benchmark.name], benchmark)
    ]


def verdicts(before: Report, after: Report) -> list[Verdicts]:
    """The benchmarks whose verdict changed."""
    known = {benchmark.name: benchmark.ok for benchmark in before.benchmarks}
    return [
        Verdicts(benchmark.name, known[benchmark.name], benchmark.ok)
        for benchmark in after.benchmarks
        if known.get(benchmark.name, benchmark.ok) != benchmark.ok
    ]


def benchmark_changes(before: BenchmarkReport, after: BenchmarkReport) -> Iterator[Change]:
    """The figures of one benchmark that changed."""
    for handler, sides in after.programs.items():
        for side, figures in sides.items():
            old = before.programs.get(handler, {}).get(side)
            for metric in HANDLER_METRICS:
                one, other = metric_of(old, metric), metric_of(figures, metric)
                if one != other:
                    worse = side == HONEY and old is not None and is_worse(metric, old, figures, slack(metric, after))
                    yield Change(after.name, handler, side, metric, one, other, worse)


def slack(metric: str, benchmark: BenchmarkReport) -> float:
    """By how much a figure may grow without being worse, as a ratio; only counts of a guest do not repeat exactly."""
    return benchmark.count_slack if metric == COUNTED else 0.0


def is_worse(metric: str, before: Figures, after: Figures, allowed: float) -> bool:
    """Whether a figure has grown by more than the ratio ``allowed``, a noisy one beyond its interval.

    A figure that is missing on one side is not judged, nor a noisy one without an interval.
    """
    one, other = metric_of(before, metric), metric_of(after, metric)
    if one is None or other is None:
        return False
    if metric in NOISY_METRICS:
        first, second = (
            one.ns_per_event_ci if metric == TIMED else one.counters_ci.get(metric) for one in (before, after)
        )
        return first is not None and second is not None and second[0] > first[1]
    return other > one * (1 + allowed)


def refuse_incomparable(before: Report, after: Report) -> None:
    """Raises :class:`HarnessError` where the two cannot be compared."""
    reasons = incomparable(before, after)
    if reasons:
        raise HarnessError(
            "these runs cannot be compared: " + "; ".join(reasons),
            hint="--across compares them all the same, and judges nothing but the verdicts",
        )
