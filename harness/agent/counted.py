# SPDX-License-Identifier: Apache-2.0
"""The phase that counts: one side attached alone, the CPU's hardware counters read around each run of its programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.agent.attach import attach_side, tracepoint
from harness.agent.bracket import make_bracket
from harness.agent.costs import statistics
from harness.agent.job import Phase
from harness.agent.load import LoadedSide
from harness.agent.packets import feed, packet_programs
from harness.agent.perf import COUNTERS, NoCounters, open_counters, read, switch
from harness.agent.phases import Tools, begin_empty, make_ready
from harness.agent.streams import collect
from harness.agent.workload import Driver

#: How often a program ran, and what each of :data:`COUNTERS` came to in that.
Sums = tuple[int, tuple[int, ...]]
_NOTHING: Sums = (0, (0,) * len(COUNTERS))


def counted(tools: Tools, side: LoadedSide, plan: Callable[[], Driver], phase: Phase) -> dict[str, Any]:
    """What the counters came to in each program of ``side``, or why there are none: then nothing is driven."""
    out: dict[str, Any] = {"kind": phase.kind, "side": side.name, "round": phase.round}
    try:
        sums = _count(tools, side, plan)
        out["counters"] = {
            name: {"runs": runs, **dict(zip(COUNTERS, values, strict=True))} for name, (runs, values) in sums.items()
        }
    except NoCounters as reason:
        out["unavailable"] = str(reason)
    return out


def _count(tools: Tools, side: LoadedSide, plan: Callable[[], Driver]) -> dict[str, Sums]:
    """Programs on tracepoints are counted on this CPU whoever causes the event, packet programs while they are run.

    Run-time statistics are kept on: they cost instructions, and another process may switch them on at any time.
    """
    on_tracepoints = [name for name, one in side.programs.items() if tracepoint(one.section)]
    given_packets = [program.name for program in packet_programs(side)]
    if not on_tracepoints and not given_packets:
        raise NoCounters("programs of this kind are not counted")
    with ExitStack() as release:
        cpu = min(os.sched_getaffinity(0))
        meter = Meter(open_counters(release, pid=0, cpu=-1, enabled=False) if given_packets else [])
        counters = open_counters(release, pid=-1, cpu=cpu, enabled=True) if on_tracepoints else []
        driver = plan()
        release.enter_context(statistics())
        brackets = {name: make_bracket(counters, release) for name in on_tracepoints}
        streams = release.enter_context(collect(tools.library, (side,)))
        attach_side(side, tools.bcc, release, brackets)
        begin_empty(tools, (side,), streams)
        before = {name: one.sums() for name, one in brackets.items()}
        driven = driver.drive(partial(make_ready, tools, (side,), streams))
        feed((side,), driven.events, streams, meter.around)
        return {name: _less(one.sums(), before[name]) for name, one in brackets.items()} | meter.sums


@dataclass
class Meter:
    """Counters of this process that count only where they are told to. The system call around a run is counted too."""

    counters: list[int]
    sums: dict[str, Sums] = field(default_factory=dict)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """A run of the program ``name``."""
        before = tuple(map(read, self.counters))
        switch(self.counters, on=True)
        yield
        switch(self.counters, on=False)
        runs, values = self.sums.get(name, _NOTHING)
        now = map(read, self.counters)
        self.sums[name] = runs + 1, tuple(v + n - b for v, n, b in zip(values, now, before, strict=True))


def _less(now: Sums, before: Sums) -> Sums:
    return now[0] - before[0], tuple(one - other for one, other in zip(now[1], before[1], strict=True))
