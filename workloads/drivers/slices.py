# SPDX-License-Identifier: Apache-2.0
"""Processes that use the CPU in different ways: one computes, one sleeps, one makes system calls, one does it all.

=========== ========== =====================================================================
``compute`` 20         milliseconds that are computed at a time
``rounds``  3          times
``events``  0          for costs: as many short system calls; then nothing else is done
=========== ========== =====================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workloads.calls import Call, CallPlan, Turn
from workloads.conductor import play
from workloads.drivers.network.script import Lane, Script
from workloads.events import Event
from workloads.kernel_calls import COMPUTE
from workloads.options import read_options
from workloads.recorder import Recorder
from workloads.system_calls import number_of

_MILLISECOND: Final = 1_000_000
_SLEEP_NS: Final = 20 * _MILLISECOND
_TIME = 0x000
_IDLE: Final = 0


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    compute: int = 20
    rounds: int = 3
    events: int = 0


@dataclass(frozen=True, slots=True)
class SlicePlan:
    """The calls; without a kernel, what its scheduler might make of them."""

    calls: CallPlan

    def events(self) -> Iterator[Event]:
        """Each turn is a slice; sleeping ends one in the midst of a call."""
        number = 0
        for turn in self.calls.turns:
            for event in self._turn(turn):
                for _ in range(event.count):
                    yield _numbered(event, number)
                    number += 1

    def _turn(self, turn: Turn) -> Iterator[Event]:
        identity = self.calls.made_up_identity(turn.actor)
        tid, actor = identity.tids[turn.thread], self.calls.actors[turn.actor].name
        who = {"pid": identity.pid, "tid": tid, "actor": actor, "comm": actor}
        yield _switch(who, _IDLE, tid)
        for call in turn.calls:
            yield from _call(call, who, tid)
        yield _switch(who, tid, _IDLE)


@dataclass(frozen=True, slots=True)
class Slices:
    """The workload ``slices``."""

    name: str = "slices"

    def plan(self, seed: int, options: Mapping[str, Any]) -> SlicePlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        del seed
        chosen = read_options(Options, self.name, options)
        script = Script(hooks=frozenset({COMPUTE}))
        if chosen.events:
            (lane,) = script.actor("caller")
            for _ in range(0, chosen.events, 50):
                lane.call("getppid", count=50)
                _sleep(lane, 1)
            return SlicePlan(script.plan())
        (computer,) = script.actor("computer")
        (sleeper,) = script.actor("sleeper")
        (caller,) = script.actor("caller")
        (both,) = script.actor("both")
        for _ in range(chosen.rounds):
            _compute(computer, chosen.compute)
            _sleep(sleeper, _SLEEP_NS)
            caller.call("getppid", count=50)
            _compute(both, chosen.compute // 2)
            _sleep(both, _SLEEP_NS)
            _compute(both, chosen.compute // 2)
        for lane in (sleeper, caller):
            _compute(lane, 0)
        return SlicePlan(script.plan())

    def drive(self, plan: SlicePlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan.calls, recorder, time_limit_s=time_limit_s)


def _compute(lane: Lane, milliseconds: int) -> None:
    lane.call(COMPUTE, milliseconds * _MILLISECOND, note="computing")


def _sleep(lane: Lane, nanoseconds: int) -> None:
    at = lane.base + _TIME
    lane.call("nanosleep", at, 0, ret=0, note="sleeping", memory=[(at, struct.pack("=qq", 0, nanoseconds))])


def _call(call: Call, who: Mapping[str, Any], tid: int) -> Iterator[Event]:
    if call.name == COMPUTE:
        return
    fields = {"id": number_of(call.name)}
    enter = Event(seq=0, hook="raw_syscalls/sys_enter", args=call.args, fields=fields, **who)
    leave = Event(seq=0, hook="raw_syscalls/sys_exit", args=(0,), fields=fields, **who)
    for _ in range(call.count):
        yield enter
        if call.name == "nanosleep":
            yield _switch(who, tid, _IDLE)
            yield _switch(who, _IDLE, tid)
        yield leave


def _switch(who: Mapping[str, Any], out: int, into: int) -> Event:
    return Event(seq=0, hook="sched/sched_switch", fields={"prev_pid": out, "next_pid": into}, **who)


def _numbered(event: Event, number: int) -> Event:
    return Event(
        number, event.hook, event.pid, event.tid, event.args, fields=event.fields, actor=event.actor, comm=event.comm
    )


WORKLOAD = Slices()
