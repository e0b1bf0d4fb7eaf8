# SPDX-License-Identifier: Apache-2.0
"""User and kernel time from switches and calls, and as far as they are known of a real run."""

from __future__ import annotations

from workloads import registry
from workloads.events import Event
from workloads.oracles import Between, Context
from workloads.oracles.cpu_monitor import predict
from workloads.recorder import Recorder

TASK, OTHER = 7, 8


def switch(elapsed: int, out: int, into: int) -> Event:
    return Event(0, "sched/sched_switch", fields={"prev_pid": out, "next_pid": into, "elapsed_ns": elapsed})


def enter(elapsed: int) -> Event:
    return Event(0, "raw_syscalls/sys_enter", TASK, TASK, fields={"elapsed_ns": elapsed})


def leave(elapsed: int) -> Event:
    return Event(0, "raw_syscalls/sys_exit", TASK, TASK, fields={"elapsed_ns": elapsed})


def test_a_call_is_kernel_time_and_the_rest_of_the_slice_user_time() -> None:
    found = predict([switch(1, 0, TASK), enter(10), leave(300), switch(20, TASK, OTHER)])
    assert found["cpu_times"] == {TASK: {"user_ns": 30, "kernel_ns": 300}}
    assert list(found["slice_start"]) == [OTHER]


def test_a_call_that_sleeps_is_kernel_time_only_while_its_task_runs() -> None:
    events = [switch(1, 0, TASK), enter(10), switch(5, TASK, 0), switch(5000, 0, TASK), leave(7), switch(4, TASK, 0)]
    assert predict(events)["cpu_times"] == {TASK: {"user_ns": 14, "kernel_ns": 12}}


def test_what_is_not_over_is_in_the_other_maps() -> None:
    found = predict([enter(1), leave(2), switch(3, 0, TASK), enter(4)], Context(start_ns=5, end_ns=20))
    run = Between(5, 20)
    assert found == {"cpu_times": {}, "slice_start": {TASK: run}, "slice_kernel": {TASK: 2}, "call_start": {TASK: run}}


def test_a_real_run_bounds_the_times_by_what_the_scheduler_gave() -> None:
    work = [("compute", 60), ("serve", 30), ("compute", 5), ("life", 100)]
    found = predict(Event(0, f"work/{name}", TASK, TASK, ret=ns) for name, ns in work)
    assert found["cpu_times"] == {TASK: {"user_ns": Between(65, 70), "kernel_ns": Between(30, 35)}}


def test_the_drive_measures_what_it_does() -> None:
    workload, recorder = registry.get("slices"), Recorder()
    plan = workload.plan(1, {"compute": 2, "rounds": 2})
    workload.drive(plan, recorder)
    asked, rounds = 2_000_000, 2
    for tid, times in predict(recorder.events)["cpu_times"].items():
        actor = next(event.actor for event in recorder.events if event.tid == tid)
        least = {"computer": (rounds * asked, 0), "served": (0, rounds * asked), "all-of-it": (asked, asked)}
        user, kernel = least.get(actor, (0, 0))
        assert times["user_ns"].low >= user
        assert times["kernel_ns"].low >= kernel
        # What is neither is spent too: on taking turns, and on the end.
        assert times["user_ns"].high > times["user_ns"].low
