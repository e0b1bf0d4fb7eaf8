# SPDX-License-Identifier: Apache-2.0
"""User and kernel time of tasks.

From switches and calls, as a run without a kernel has them, the times follow exactly. Of a real run three things are
known: the CPU time that the kernel's scheduler gave to a task in all, how much of it the task surely computed, and how
much it surely spent in system calls. What is neither (starting, ending, waiting for a turn) may be in either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Between, Contents, Context

_WORK: Final = "work/"


@dataclass(slots=True)
class _Task:
    """A task's times, ns; ``since`` and ``call`` are when it was switched in and when its call went on."""

    user: int = 0
    kernel: int = 0
    slice_kernel: int = 0
    since: int | None = None
    call: int | None = None
    booked: bool = False

    def switched_out(self, now: int) -> None:
        """The slice is over; a call it is in goes on in the next one."""
        if self.since is None:
            return
        kernel = self.slice_kernel + (0 if self.call is None else now - self.call)
        self.kernel += kernel
        self.user += now - self.since - kernel
        self.since, self.slice_kernel, self.booked = None, 0, True


@dataclass(slots=True)
class _Known:
    """What is surely known of a task that really ran, ns."""

    compute: int = 0
    serve: int = 0
    life: int | None = None


@dataclass(slots=True)
class _Model:
    tasks: dict[int, _Task] = field(default_factory=dict)
    now: int = 0

    def follow(self, event: Event) -> None:
        """One switch, entry or exit."""
        self.now += int(event.fields.get("elapsed_ns", 0))
        if event.hook == "sched/sched_switch":
            out, into = self._task(event.fields["prev_pid"]), self._task(event.fields["next_pid"])
            out.switched_out(self.now)
            into.since = self.now
            into.call = None if into.call is None else self.now
            return
        task = self._task(event.tid)
        if event.hook == "raw_syscalls/sys_enter":
            task.call = self.now
        elif event.hook == "raw_syscalls/sys_exit" and task.call is not None:
            task.slice_kernel += self.now - task.call
            task.call = None

    def contents(self, run: Between) -> Contents:
        """The maps, without the idle task; times of day lie within the ``run``."""
        tasks = {tid: task for tid, task in self.tasks.items() if tid}
        return {
            "cpu_times": {tid: {"user_ns": t.user, "kernel_ns": t.kernel} for tid, t in tasks.items() if t.booked},
            "slice_start": {tid: run for tid, task in tasks.items() if task.since is not None},
            "slice_kernel": {tid: task.slice_kernel for tid, task in tasks.items() if task.slice_kernel},
            "call_start": {tid: run for tid, task in tasks.items() if task.call is not None},
        }

    def _task(self, tid: int) -> _Task:
        return self.tasks.setdefault(tid, _Task())


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """The maps after ``events``: exactly, or as far as they are known of a real run."""
    run = Between(context.start_ns, context.end_ns)
    model, known = _Model(), dict[int, _Known]()
    for event in events:
        kind = event.hook.removeprefix(_WORK)
        if kind == event.hook:
            for _ in range(event.count):
                model.follow(event)
        elif event.ret is not None:
            task = known.setdefault(event.tid, _Known())
            setattr(task, kind, (getattr(task, kind) or 0) + event.ret * event.count)
    return _of_real_run(known, run) if known else model.contents(run)


def _of_real_run(known: dict[int, _Known], run: Between) -> Contents:
    """All tasks have ended: in a call that never came back."""
    times: dict[int, Any] = {}
    for tid, task in known.items():
        if task.life is not None:
            rest = max(task.life - task.compute - task.serve, 0)
            user, kernel = Between(task.compute, task.compute + rest), Between(task.serve, task.serve + rest)
            times[tid] = {"user_ns": user, "kernel_ns": kernel}
    return {"cpu_times": times, "slice_start": {}, "slice_kernel": {}, "call_start": dict.fromkeys(times, run)}
