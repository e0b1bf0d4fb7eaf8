# SPDX-License-Identifier: Apache-2.0
"""Plots as inline SVG. Every number in them carries the place in ``report.json`` that it comes from."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from harness.benchmark import HONEY, NOISY_METRICS, C
from harness.report import words
from harness.report.changes import TIMED
from harness.report.model import BenchmarkReport

#: Narrow, so that letters are still large enough where the plot is as wide as a phone.
_WIDTH = 480
_LEFT = 140
_RIGHT = 54
_LETTER = 6.2
_ROW = 26
#: Ratios beyond it, such as those of a few cache misses, stand at the edge.
_BOUND = 8.0


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to pixels, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        share = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.end - self.start), 1)


def ratio_plot(benchmark: BenchmarkReport, pointer: str) -> str:
    """Honey over C: for each metric the geometric mean as a bar from 1, and each handler as a dot. "" without any."""
    ratios = {metric: one for metric, one in benchmark.ratios.get(HONEY, {}).items() if one.geomean}
    values = [v for one in ratios.values() for v in (one.geomean, *one.handlers.values()) if v]
    if not values:
        return ""
    bound = min(_BOUND, max(1.15, max(values) * 1.05, 1 / min(values) * 1.05))
    scale = _Scale(1 / bound, bound, _LEFT + 6, _WIDTH - _RIGHT - 6, log=True)  # room for a dot at either edge
    parts = [_line(scale(1), 8, scale(1), 16 + _ROW * len(ratios), "axis")]
    for row, (metric, one) in enumerate(ratios.items()):
        y = 24 + row * _ROW
        place = f"{pointer}/ratios/{HONEY}/{metric}"
        mean = one.geomean or 0.0
        kind = {True: "better", False: "worse", None: "unclear"}[words.better(metric, mean, one.interval)]
        x, width = min(scale(1), scale(mean)), abs(scale(mean) - scale(1))
        parts.append(_text(_LEFT - 8, y + 4, words.METRIC_TITLES[metric], "label end"))
        parts.append(f'<rect class="{kind}" x="{x}" y="{y - 7}" width="{max(width, 1)}" height="14" rx="2"/>')
        for handler, value in one.handlers.items():
            if value:
                title = f"{handler}: {words.ratio(value)}"
                parts.append(_dot(scale(value), y, "handler", title, f"{place}/handlers/{handler}"))
        parts.append(_number(_WIDTH - _RIGHT + 8, y + 4, words.ratio(mean), f"{place}/geomean"))
    return _svg(24 + _ROW * len(ratios), parts, "Honey over C by metric; left of the line Honey is cheaper")


def distribution_plot(benchmark: BenchmarkReport, pointer: str) -> str:
    """The time of an event in each cost block, by handler and side. "" where there are fewer than two blocks."""
    rows: list[tuple[str, str, Sequence[float]]] = [
        (handler, side, figures.ns_by_block)
        for handler, sides in benchmark.programs.items()
        for side, figures in sides.items()
        if len(figures.ns_by_block) > 1
    ]
    if not rows:
        return ""
    # A block that met something long must not press all others into a corner: it stands at the edge.
    widest = min(max(max(values) for _, _, values in rows), 2 * max(statistics.median(values) for _, _, values in rows))
    left = max(_LEFT, 16 + _LETTER * max(len(f"{handler}, {side}") for handler, side, _ in rows))
    scale = _Scale(0, widest * 1.05, left, _WIDTH - _RIGHT)
    parts = []
    for row, (handler, side, values) in enumerate(rows):
        y = 20 + row * 20
        place = f"{pointer}/programs/{handler}/{side}/ns_by_block"
        parts.append(_text(left - 8, y + 4, f"{handler}, {side}", "label end"))
        parts.append(_line(scale(min(values)), y, scale(max(values)), y, "range"))
        for index, value in enumerate(values):
            kind = side if side in {HONEY, C} else "other"
            parts.append(_dot(scale(value), y, kind, f"{words.figure(value)} ns", f"{place}/{index}"))
        figures = benchmark.programs[handler][side]
        shown = words.figure(figures.ns_per_event)
        median = f"{pointer}/programs/{handler}/{side}/ns_per_event"
        parts.append(_number(_WIDTH - _RIGHT + 8, y + 4, shown, median))
    return _svg(24 + 20 * len(rows), parts, "nanoseconds an event, a dot for each block, the median on the right")


def trend_plot(benchmark: BenchmarkReport, pointer: str) -> str:
    """The geometric means over the stored history, hardware counters left out. "" where there are too few runs."""
    past = benchmark.history
    steady = [metric for metric in words.METRIC_TITLES if metric not in NOISY_METRICS or metric == TIMED]
    metrics = [metric for metric in steady if sum(metric in run.ratios for run in past) > 1]
    if not metrics:
        return ""
    values = [run.ratios[metric] for metric in metrics for run in past if metric in run.ratios]
    top, height = 12, 180
    vertical = _Scale(min(0.95, *values), max(1.05, *values), top + height, top)
    across = _Scale(0, max(1, len(past) - 1), 46, _WIDTH - _LEFT)
    parts = [_line(46, vertical(1), _WIDTH - _LEFT, vertical(1), "axis"), _text(40, vertical(1) + 4, "1", "label end")]
    for number, metric in enumerate(metrics):
        points = [(index, run.ratios[metric]) for index, run in enumerate(past) if metric in run.ratios]
        path = " ".join(f"{across(index)},{vertical(value)}" for index, value in points)
        parts.append(f'<polyline class="trend t{number}" points="{path}"/>')
        for index, value in points:
            title = f"{past[index].created} {past[index].commit[:8]}: {words.ratio(value)}"
            place = f"{pointer}/history/{index}/ratios/{metric}"
            parts.append(_dot(across(index), vertical(value), f"t{number}", title, place, radius=2))
        y = top + 12 + number * 17
        parts.append(f'<rect class="t{number}" x="{_WIDTH - _LEFT + 14}" y="{y - 8}" width="10" height="10" rx="2"/>')
        parts.append(_text(_WIDTH - _LEFT + 30, y + 1, words.METRIC_TITLES[metric], "label"))
    return _svg(top + height + 16, parts, "Honey over C, geometric means, run by run")


def _svg(height: float, parts: Iterable[str], title: str) -> str:
    body = "".join(parts)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def _number(x: float, y: float, text: str, pointer: str) -> str:
    return f'<text class="label" x="{x}" y="{y}" data-json="{escape(pointer)}">{escape(text)}</text>'


def _dot(x: float, y: float, kind: str, title: str, pointer: str, *, radius: float = 4) -> str:
    return (
        f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}" data-json="{escape(pointer)}">'
        f"<title>{escape(title)}</title></circle>"
    )
