# SPDX-License-Identifier: Apache-2.0
"""The verdict: parity and budgets to yes or no, and that to an exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType

from harness.benchmark import HANDLER_METRICS, HONEY, Benchmark, Budget
from harness.measure.figures import Figures, FigureTable
from harness.measure.statistics import geometric_mean, ratio


class Status(IntEnum):
    """The exit status of a run."""

    HOLDS = 0
    DIFFERS = 1
    CANNOT_RUN = 2
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """A limit and what became of it: ``ok`` is None where the figure could not be had.

    ``handler`` is the handler that ``figure`` is of: the only one, or the worst of several; "" for a mean or a side.
    ``note`` says why a limit does not hold although its figure would.
    """

    metric: str
    side: str
    against: str
    kind: str
    limit: float
    figure: float | None
    ok: bool | None
    handler: str = ""
    note: str = ""

    def __str__(self) -> str:
        place = f" of {self.handler}" if self.handler else ""
        what = f"{self.metric}{place}, {self.side}"
        if self.kind == "at_most":
            said = f"{what}: {_number(self.figure)}, at most {_number(self.limit)}"
        else:
            bound = "below" if self.kind == "worst_below" else "at most"
            kind = {"geomean": " (geometric mean)", "worst": " (worst)", "worst_below": " (worst)"}.get(self.kind, "")
            said = f"{what} / {self.against}{kind}: {_number(self.figure)}, {bound} {_number(self.limit)}"
        return f"{said}; {self.note}" if self.note else said


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}" if value % 1 else f"{value:.0f}"


#: Figures that a side has one of, by side and metric.
SideFigures = Mapping[str, Mapping[str, float | None]]


def judge_budgets(
    benchmark: Benchmark,
    figures: FigureTable,
    sides: SideFigures,
    contenders: Mapping[str, int] = MappingProxyType({}),
    *,
    kernel: str = "",
) -> list[Outcome]:
    """Every limit of the benchmark for a ``kernel`` (its release), with the figure it is about.

    ``contenders`` says in how many entries each differs from C: a limit over one that does other work does not hold.
    """
    outcomes: list[Outcome] = []
    for budget in (one for one in benchmark.budgets if one.applies_on(kernel)):
        if budget.metric in HANDLER_METRICS:
            outcomes += _per_handler(budget, figures)
        else:
            outcomes += _per_side(budget, sides)
    return [_over(outcome, contenders.get(outcome.against, 0)) for outcome in outcomes]


def _over(outcome: Outcome, differing: int) -> Outcome:
    if not differing or outcome.kind == "at_most":
        return outcome
    return replace(outcome, ok=False, note=f"{outcome.against} differs from c in {differing} entries")


def _per_handler(budget: Budget, figures: FigureTable) -> list[Outcome]:
    chosen = {name: by_side for name, by_side in figures.items() if budget.handler in (None, name)}
    own = {name: _figure(by_side, budget.side, budget.metric) for name, by_side in chosen.items()}
    ratios = {
        name: ratio(own[name], _figure(by_side, budget.against, budget.metric)) for name, by_side in chosen.items()
    }
    outcomes = []
    if budget.geomean is not None:
        outcomes.append(_outcome(budget, "geomean", budget.geomean, geometric_mean(ratios.values())))
    for kind, limit, values in (
        ("worst", budget.worst, ratios),
        ("worst_below", budget.worst_below, ratios),
        ("at_most", budget.at_most, own),
    ):
        if limit is not None:
            handler, figure = _worst(values)
            outcomes.append(_outcome(budget, kind, limit, figure, handler))
    return outcomes


def _per_side(budget: Budget, sides: SideFigures) -> list[Outcome]:
    own = sides.get(budget.side, {}).get(budget.metric)
    other = sides.get(budget.against, {})
    # A side written in C emits itself.
    base = other.get(budget.metric)
    if base is None and budget.metric == "emitted_lines":
        base = other.get("source_lines")
    outcomes = []
    if budget.ratio is not None:
        outcomes.append(_outcome(budget, "ratio", budget.ratio, ratio(own, base)))
    if budget.at_most is not None:
        outcomes.append(_outcome(budget, "at_most", budget.at_most, own))
    return outcomes


def _outcome(budget: Budget, kind: str, limit: float, figure: float | None, handler: str = "") -> Outcome:
    ok: bool | None = None
    if figure is not None:
        ok = figure < limit if kind == "worst_below" else figure <= limit
    return Outcome(budget.metric, budget.side, budget.against, kind, limit, figure, ok, handler)


def _figure(by_side: Mapping[str, Figures], side: str, metric: str) -> float | None:
    return by_side[side].get(metric) if side in by_side else None


def _worst(values: Mapping[str, float | None]) -> tuple[str, float | None]:
    """The handler with the largest figure; nothing where one is missing, as it might be the worst."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known or len(known) < len(values):
        return "", None
    worst = max(known, key=lambda name: known[name])
    return worst, known[worst]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a benchmark came out as it should, and in words every reason why not."""

    ok: bool
    reasons: tuple[str, ...]


def judge(
    *, equal: bool, oracle_equal: bool | None, events: int, budgets: Sequence[Outcome], error: str = ""
) -> Verdict:
    """The verdict on one benchmark. A run without events shows nothing and so does not hold."""
    reasons = [error] if error else []
    if not error:
        if events == 0:
            reasons.append("no events were driven: equal maps would mean nothing")
        if not equal:
            reasons.append(f"{HONEY} and c differ")
        if oracle_equal is False:
            reasons.append("the maps differ from what the oracle predicts")
    reasons += [f"budget crossed: {outcome}" for outcome in budgets if outcome.ok is False]
    return Verdict(not reasons, tuple(reasons))


def status(verdicts: Sequence[Verdict], *, cannot_run: bool = False) -> Status:
    """The exit status of a run: 0 exactly if everything holds."""
    if cannot_run or not verdicts:
        return Status.CANNOT_RUN
    return Status.HOLDS if all(verdict.ok for verdict in verdicts) else Status.DIFFERS
