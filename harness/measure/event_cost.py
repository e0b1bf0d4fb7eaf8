# SPDX-License-Identifier: Apache-2.0
"""What an event costs, from rounds in which one side ran alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.plan import SOLO
from harness.result import Phase, RunCost


@dataclass(frozen=True, slots=True)
class EventCost:
    """The cost of an event less the ``overhead`` of measuring; None where no event was seen.

    ``value`` is the median of the cost blocks, ``by_block`` has the mean of each by its number.
    """

    value: float | None
    events: float | None
    overhead: float | None
    by_block: Mapping[int, float]


def fewest(phases: Iterable[Phase], side: str, program: str) -> float | None:
    """The lowest mean of a round of ``side``; None where no event was seen.

    For counts of instructions, to which an interrupt in the middle of a program can only add.
    """
    rounds = [phase.programs[program] for phase in phases if _counts(phase, side, program)]
    return min((_mean([cost]) for cost in rounds), default=None)


def _counts(phase: Phase, side: str, program: str) -> bool:
    return (
        phase.kind == SOLO and phase.side == side and program in phase.programs and phase.programs[program].run_cnt > 0
    )


def event_cost(phases: Iterable[Phase], side: str, program: str, overhead: float) -> EventCost:
    """The cost of an event in ``program`` of ``side``."""
    blocks: dict[int, list[RunCost]] = {}
    for phase in phases:
        if _counts(phase, side, program):
            blocks.setdefault(phase.block, []).append(phase.programs[program])
    means = {block: max(0.0, _mean(costs) - overhead) for block, costs in sorted(blocks.items())}
    if not means:
        return EventCost(None, None, None, {})
    events = sum(cost.run_cnt for costs in blocks.values() for cost in costs)
    return EventCost(statistics.median(means.values()), float(events), overhead, means)


def counter_by_block(
    phases: Iterable[Phase], side: str, program: str, counter: str, overhead: float
) -> dict[int, float]:
    """What an event adds to a hardware counter, less the ``overhead`` of reading it, by cost block.

    A block in which another program of the machine had the counters is missing.
    """
    found = {}
    for phase in sorted(phases, key=lambda one: one.block):
        sums = phase.counters.get(program)
        if phase.side == side and sums is not None and sums.runs:
            found[phase.block] = max(0.0, getattr(sums, counter) / sums.runs - overhead)
    return found


def _mean(costs: list[RunCost]) -> float:
    return sum(cost.run_time_ns for cost in costs) / sum(cost.run_cnt for cost in costs)
