# SPDX-License-Identifier: Apache-2.0
"""Ratios of one side's figures to another's, with the intervals of those that differ from run to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.benchmark import HANDLER_METRICS, HONEY, NOISY_METRICS, C
from harness.measure.figures import FigureTable
from harness.measure.statistics import geometric_mean, median_interval, outliers, ratio
from harness.report import model


def ratios(table: FigureTable, sides: Sequence[str]) -> dict[str, dict[str, model.Ratio]]:
    """Every side over C, for the metrics that some handler has on both."""
    return {side: _ratios(table, side, C) for side in sides if side != C}


def over(table: FigureTable, contenders: Sequence[str]) -> dict[str, dict[str, model.Ratio]]:
    """Honey over each contender."""
    return {side: _ratios(table, HONEY, side) for side in contenders}


def _ratios(table: FigureTable, side: str, base: str) -> dict[str, model.Ratio]:
    out: dict[str, model.Ratio] = {}
    for metric in HANDLER_METRICS:
        by_handler = {
            handler: ratio(figures[side].get(metric), figures[base].get(metric))
            for handler, figures in table.items()
            if side in figures and base in figures
        }
        if any(value is not None for value in by_handler.values()):
            mean = geometric_mean(by_handler.values())
            blocks = _block_ratios(table, side, base, metric) if metric in NOISY_METRICS else {}
            out[metric] = model.Ratio(
                geomean=mean,
                handlers=by_handler,
                interval=_interval(_means_by_block(blocks)),
                intervals={handler: one for handler, samples in blocks.items() if (one := _interval(samples))},
            )
    return out


def _block_ratios(table: FigureTable, side: str, base: str, metric: str) -> dict[str, dict[int, float]]:
    """The ratios of a noisy figure by handler, block by block: what both sides of a block met drops out."""
    found = {}
    for handler, figures in table.items():
        if side not in figures or base not in figures:
            continue
        ones, others = figures[side].by_block.get(metric, {}), figures[base].by_block.get(metric, {})
        found[handler] = {block: one / others[block] for block, one in ones.items() if others.get(block)}
    return found


def _means_by_block(blocks: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """The geometric mean over the handlers in each block that all of them have."""
    common = set.intersection(*map(set, blocks.values())) if blocks else set()
    means = {number: geometric_mean(one[number] for one in blocks.values()) for number in sorted(common)}
    return {number: mean for number, mean in means.items() if mean is not None}


def _interval(by_block: Mapping[int, float]) -> model.Interval | None:
    blocks, samples = list(by_block), list(by_block.values())
    found = median_interval(samples)
    if found is None:
        return None
    low, high = found
    far = [blocks[index] for index in outliers(samples)]
    return model.Interval(low=round(low, 4), high=round(high, 4), conclusive=not low <= 1 <= high, outliers=far)
