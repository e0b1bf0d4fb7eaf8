# SPDX-License-Identifier: Apache-2.0
"""Brings together what a run knows about each handler of each side."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.measure.event_cost import counter_by_block, event_cost, fewest
from harness.measure.figures import Figures, FigureTable, make_figures
from harness.objects import BpfObject, link
from harness.plan import COUNTERS, EMPTY_SIDE
from harness.result import BenchmarkResult, LoadedProgram, Phase

#: What only a kernel that has loaded a program can say of it.
KERNEL_METRICS = (
    "xlated_insns",
    "jited_bytes",
    "stack_bytes",
    "verified_insns",
    "peak_states",
    "total_states",
    "load_ns",
)
#: The figures that hardware counters give, with what the counters are called in a result.
COUNTER_METRICS = {
    "cpu_insns_per_event": "instructions",
    "cpu_cycles_per_event": "cycles",
    "cache_misses_per_event": "cache_misses",
}
_NOT_SAID = "this kernel does not report it"


@dataclass(frozen=True, slots=True)
class ExactCost:
    """What the interpreter counted: eBPF instructions of a handler over ``events`` events, also by slot."""

    insns: int
    events: int
    by_slot: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What can be known of one side's handlers besides its object.

    ``result`` is a run in real time, ``counted`` one under ``-icount``, where a nanosecond is a guest instruction;
    ``empty`` and ``counted_empty`` are those of the empty program. ``executed`` is by side and handler; ``reasons``
    says of each metric why it was not measured.
    """

    result: BenchmarkResult | None = None
    counted: BenchmarkResult | None = None
    empty: BenchmarkResult | None = None
    counted_empty: BenchmarkResult | None = None
    executed: Mapping[str, Mapping[str, ExactCost]] | None = None
    reasons: Mapping[str, str] | None = None


def gather(
    objects: Mapping[str, BpfObject], handlers: Mapping[str, Mapping[str, str]], measured: Measured
) -> FigureTable:
    """The figures by handler and side. ``handlers`` gives each handler's program name by side."""
    return {
        handler: {
            side: _figures(objects[side], side, program, measured)
            for side, program in programs.items()
            if program in objects[side].programs
        }
        for handler, programs in handlers.items()
    }


def _figures(obj: BpfObject, side: str, program: str, measured: Measured) -> Figures:
    values: dict[str, float | None] = {"object_insns": len(link(obj, program).insns)}
    reasons: dict[str, str] = dict(measured.reasons or {})
    loaded = _loaded(measured.result or measured.counted, side, program)
    if loaded is not None:
        for metric in KERNEL_METRICS:
            values[metric] = getattr(loaded, metric)
            reasons.setdefault(metric, _NOT_SAID)
    blocks: dict[str, Mapping[int, float]] = {}
    if measured.result is not None:
        timed = event_cost(measured.result.phases, side, program, _overhead(measured.empty, program))
        values["ns_per_event"], values["events_measured"] = timed.value, timed.events
        values["overhead_ns"], blocks["ns_per_event"] = timed.overhead, timed.by_block
        reasons.setdefault("ns_per_event", _no_cost(measured.result.phases))
        blocks |= _counters(measured.result, measured.empty, side, program)
        values |= {metric: statistics.median(found.values()) for metric, found in blocks.items() if found}
        for metric in COUNTER_METRICS:
            reasons.setdefault(metric, _no_counters(measured.result.phases, side))
    if measured.counted is not None:
        counted = fewest(measured.counted.phases, side, program)
        empty = measured.counted_empty
        overhead = (fewest(empty.phases, EMPTY_SIDE, program) if empty else None) or 0.0
        values["guest_insns_per_event"] = None if counted is None else max(0.0, counted - overhead)
        values["overhead_guest_insns"] = overhead
        reasons.setdefault("guest_insns_per_event", _no_cost(measured.counted.phases))
    exact = (measured.executed or {}).get(side, {}).get(program)
    if exact is not None and exact.events:
        values["executed_insns_per_event"] = exact.insns / exact.events
    return make_figures(values, reasons, blocks)


def _loaded(result: BenchmarkResult | None, side: str, program: str) -> LoadedProgram | None:
    return result.programs.get(side, {}).get(program) if result else None


def _overhead(empty: BenchmarkResult | None, program: str) -> float:
    """What measuring itself costs, from the empty program: the median of its rounds; 0 where there was none."""
    costs = [phase.programs[program] for phase in empty.phases if program in phase.programs] if empty else []
    return statistics.median([cost.run_time_ns / cost.run_cnt for cost in costs if cost.run_cnt] or [0.0])


def _counters(
    result: BenchmarkResult, empty: BenchmarkResult | None, side: str, program: str
) -> dict[str, dict[int, float]]:
    """The hardware counters by metric and block. Without an empty program to take off they would say nothing."""
    found = {}
    for metric, counter in COUNTER_METRICS.items():
        rounds = [phase for phase in empty.phases if phase.kind == COUNTERS] if empty else []
        readings = [counter_by_block([one], EMPTY_SIDE, program, counter, 0.0).values() for one in rounds]
        if any(readings):
            overhead = statistics.median(value for values in readings for value in values)
            found[metric] = counter_by_block(result.phases, side, program, counter, overhead)
    return found


def _no_counters(phases: Iterable[Phase], side: str) -> str:
    """Why there are no hardware counters."""
    rounds = [phase for phase in phases if phase.kind == COUNTERS and phase.side == side]
    said = next((phase.unavailable for phase in rounds if phase.unavailable), "")
    return said or ("no event of the counted rounds could be read" if rounds else "the run had no rounds for them")


def _no_cost(phases: Iterable[Phase]) -> str:
    if not any(phase.kind == "solo" for phase in phases):
        return "the run had no cost rounds"
    return "no event reached the handler in the cost rounds"
