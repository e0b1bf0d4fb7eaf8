# SPDX-License-Identifier: Apache-2.0
"""Processes that use the CPU in different ways: one computes, one sleeps, one makes short system calls, one has the
kernel work for it, and one does it all.

=========== ========== =====================================================================
``compute`` 20         milliseconds that are computed, or worked in the kernel, at a time
``rounds``  3          times
``events``  0          for costs: as many short system calls; then nothing else is done
=========== ========== =====================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workloads.calls import Call, CallPlan, Turn
from workloads.conductor import play
from workloads.drivers.network.script import Lane, Script
from workloads.events import Event
from workloads.kernel_calls import COMPUTE, LIFE, SERVE, WORK
from workloads.options import read_options
from workloads.recorder import Recorder
from workloads.system_calls import number_of

_MILLISECOND: Final = 1_000_000
_SLEEP_NS: Final = 20 * _MILLISECOND
_TIME = 0x000
_IDLE: Final = 0
#: Between events that nothing is known of, without a kernel.
_A_WHILE: Final = 1_000


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
        """Each turn begins with a slice; sleeping ends one in the midst of a call, and so does work that takes long.

        The field ``elapsed_ns`` says how long before each event nothing happened.
        """
        number = 0
        for turn in self.calls.turns:
            for event in self._turn(turn):
                yield replace(event, seq=number)
                number += 1

    def _turn(self, turn: Turn) -> Iterator[Event]:
        task = _Task.of(self.calls, turn)
        yield task.switched_in(_A_WHILE)
        for call in turn.calls:
            for _ in range(call.count):
                yield from _call(call, task)
        yield task.switched_out(_A_WHILE)


@dataclass(frozen=True, slots=True)
class Slices:
    """The workload ``slices``."""

    name: str = "slices"

    def plan(self, seed: int, options: Mapping[str, Any]) -> SlicePlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        del seed
        chosen = read_options(Options, self.name, options)
        script = Script(hooks=frozenset({*WORK, LIFE}))
        if chosen.events:
            (lane,) = script.actor("caller")
            for _ in range(0, chosen.events, 50):
                lane.call("getppid", count=50)
                _sleep(lane, 1)
            return SlicePlan(script.plan())
        (computer,) = script.actor("computer")
        (sleeper,) = script.actor("sleeper")
        (caller,) = script.actor("caller")
        (served,) = script.actor("served")
        (all_of_it,) = script.actor("all-of-it")
        for _ in range(chosen.rounds):
            _compute(computer, chosen.compute)
            _sleep(sleeper, _SLEEP_NS)
            caller.call("getppid", count=50)
            _serve(served, chosen.compute)
            _compute(all_of_it, chosen.compute // 2)
            _sleep(all_of_it, _SLEEP_NS)
            _serve(all_of_it, chosen.compute // 2)
        return SlicePlan(script.plan())

    def drive(self, plan: SlicePlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan.calls, recorder, time_limit_s=time_limit_s)


def _compute(lane: Lane, milliseconds: int) -> None:
    lane.call(COMPUTE, milliseconds * _MILLISECOND, note="computing")


def _serve(lane: Lane, milliseconds: int) -> None:
    lane.call(SERVE, milliseconds * _MILLISECOND, lane.buffer, note="letting the kernel work")


def _sleep(lane: Lane, nanoseconds: int) -> None:
    at = lane.base + _TIME
    lane.call("nanosleep", at, 0, ret=0, note="sleeping", memory=[(at, struct.pack("=qq", 0, nanoseconds))])


@dataclass(frozen=True, slots=True)
class _Task:
    """Whose events they are."""

    pid: int
    tid: int
    actor: str

    @classmethod
    def of(cls, calls: CallPlan, turn: Turn) -> _Task:
        """Who takes ``turn``."""
        identity = calls.made_up_identity(turn.actor)
        return cls(identity.pid, identity.tids[turn.thread], calls.actors[turn.actor].name)

    def event(self, hook: str, elapsed_ns: int, args: tuple[int, ...] = (), **fields: int) -> Event:
        """An event of the task, ``elapsed_ns`` after the one before."""
        told = {**fields, "elapsed_ns": elapsed_ns}
        return Event(0, hook, self.pid, self.tid, args, fields=told, actor=self.actor, comm=self.actor)

    def switched_in(self, elapsed_ns: int) -> Event:
        """It gets the CPU."""
        return self.event("sched/sched_switch", elapsed_ns, prev_pid=_IDLE, next_pid=self.tid)

    def switched_out(self, elapsed_ns: int) -> Event:
        """It loses it."""
        return self.event("sched/sched_switch", elapsed_ns, prev_pid=self.tid, next_pid=_IDLE)


def _call(call: Call, task: _Task) -> Iterator[Event]:
    """A call; what takes long is interrupted in the middle, computing as well as what the kernel does."""
    half = call.args[0] // 2 if call.name in WORK else 0
    away = int.from_bytes(call.memory[0][1][8:16], "little") if call.name == "nanosleep" else _A_WHILE
    name = "getrandom" if call.name == SERVE else call.name
    if call.name != COMPUTE:
        yield task.event("raw_syscalls/sys_enter", _A_WHILE, call.args, id=number_of(name))
    if half or call.name == "nanosleep":
        yield task.switched_out(half or _A_WHILE)
        yield task.switched_in(away)
    if call.name != COMPUTE:
        yield task.event("raw_syscalls/sys_exit", half or _A_WHILE, (0,), id=number_of(name))
    elif half:
        yield task.switched_out(half)
        yield task.switched_in(_A_WHILE)


WORKLOAD = Slices()
