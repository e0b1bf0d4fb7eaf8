# SPDX-License-Identifier: Apache-2.0
"""Brings together what a run knows about each handler of each side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.measure.figures import Figures, FigureTable, make_figures
from harness.objects import BpfObject, link
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
_NOT_SAID = "this kernel does not report it"


@dataclass(frozen=True, slots=True)
class ExactCost:
    """What the interpreter counted: eBPF instructions of a handler over ``events`` events."""

    insns: int
    events: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What can be known of one side's handlers besides its object.

    ``result`` is a run in real time, ``counted`` one under ``-icount``, where a nanosecond is a guest instruction;
    ``executed`` is by side and handler. ``reasons`` says of each metric why it was not measured.
    """

    result: BenchmarkResult | None = None
    counted: BenchmarkResult | None = None
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
    if measured.result is not None:
        cost = _cost(measured.result.phases, side, program)
        values["ns_per_event"], values["events_measured"] = cost
        reasons.setdefault("ns_per_event", _no_cost(measured.result.phases))
    if measured.counted is not None:
        values["guest_insns_per_event"], _ = _cost(measured.counted.phases, side, program)
        reasons.setdefault("guest_insns_per_event", _no_cost(measured.counted.phases))
    exact = (measured.executed or {}).get(side, {}).get(program)
    if exact is not None and exact.events:
        values["executed_insns_per_event"] = exact.insns / exact.events
    return make_figures(values, reasons)


def _loaded(result: BenchmarkResult | None, side: str, program: str) -> LoadedProgram | None:
    return result.programs.get(side, {}).get(program) if result else None


def _cost(phases: Iterable[Phase], side: str, program: str) -> tuple[float | None, float | None]:
    """Mean per event over all cost rounds of ``side``, and the number of events."""
    rounds = [p.programs[program] for p in phases if p.kind == "solo" and p.side == side and program in p.programs]
    runs = sum(cost.run_cnt for cost in rounds)
    return (sum(cost.run_time_ns for cost in rounds) / runs, float(runs)) if runs else (None, None)


def _no_cost(phases: Iterable[Phase]) -> str:
    if not any(phase.kind == "solo" for phase in phases):
        return "the run had no cost rounds"
    return "no event reached the handler in the cost rounds"
