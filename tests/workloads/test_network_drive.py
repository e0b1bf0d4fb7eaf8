# SPDX-License-Identifier: Apache-2.0
"""The network workload for real, on this machine."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from workloads import conductor, registry
from workloads.base import DriveError
from workloads.calls import Call, CallPlan, Turn
from workloads.drivers.network.stage import new_stage
from workloads.events import Event
from workloads.memory import BASE
from workloads.recorder import Recorder

WORKLOAD = registry.get("network")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets and network namespaces need root")


def without_ids(event: Event) -> Event:
    return replace(event, pid=0, tid=0)


def running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def one_call(call: Call, count: int = 1) -> CallPlan:
    """A plan in which the client makes ``call`` in each of ``count`` turns."""
    stage = new_stage(1)
    plan = stage.script.plan(own_network=False)
    return replace(plan, turns=(Turn(0, 0, (call,)),) * count)


@needs_root
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_planned_is_what_happens(seed: int) -> None:
    plan = WORKLOAD.plan(seed, {})
    recorder = Recorder()
    WORKLOAD.drive(plan, recorder)
    assert recorder.deviations == []
    assert [without_ids(event) for event in recorder.events] == [without_ids(event) for event in plan.events()]
    assert {event.pid for event in recorder.events} == set(recorder.pids)
    assert len({(event.pid, event.tid) for event in recorder.events}) > len(recorder.pids)
    assert not any(running(pid) for pid in recorder.pids)


@needs_root
def test_the_full_profile_can_be_done() -> None:
    recorder = Recorder()
    WORKLOAD.drive(WORKLOAD.plan(3, {"profile": "full"}), recorder, time_limit_s=120)
    assert recorder.deviations == []
    assert sum(event.count for event in recorder.events) > 100_000


def test_a_kernel_that_answers_otherwise_is_reported_and_recorded() -> None:
    call = Call("sendto", (200, 0, 5, 0, 0, 0), ret=5, note="to nowhere")
    recorder = Recorder()
    WORKLOAD.drive(one_call(call), recorder)
    (event,) = recorder.events
    assert (event.ret, event.moved) == (-9, 0)
    assert recorder.deviations == ["client: sendto (to nowhere) returned -EBADF, not 5"]


def test_a_drive_that_takes_too_long_is_broken_off_and_leaves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = new_stage(1)
    fd = stage.client.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stage.client.recvfrom(fd, 10, 0, note="nothing will ever come")
    ready: list[object] = []
    recorder = Recorder(on_ready=ready.append)
    limit_s = 60
    # However slow the machine is: the limit is over as soon as all are ready.
    clock = SimpleNamespace(**vars(time))
    clock.monotonic = lambda: time.monotonic() + (2 * limit_s if ready else 0)
    monkeypatch.setattr(conductor, "time", clock)
    with pytest.raises(DriveError, match=r"client did not finish turn 0 \(nothing will ever come\) in time"):
        WORKLOAD.drive(stage.script.plan(own_network=False), recorder, time_limit_s=limit_s)
    assert recorder.pids
    assert not any(running(pid) for pid in recorder.pids)


def test_an_actor_that_dies_is_named() -> None:
    stage = new_stage(1)
    fd = stage.server.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stage.server.recvfrom(fd, 10, 0, note="waiting to be killed")
    recorder = Recorder()

    def kill() -> None:
        while len(recorder.pids) < 2:
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(recorder.pids[1], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(DriveError, match=r"server ended in turn 0 \(waiting to be killed\)"):
        WORKLOAD.drive(stage.script.plan(own_network=False), recorder, time_limit_s=20)
    killer.join()
    assert not any(running(pid) for pid in recorder.pids)


def test_repetitions_that_differ_are_not_passed_off_as_equal() -> None:
    stage = new_stage(1)
    fd = stage.client.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stage.client.call("close", fd, count=2, note="the second time it is closed already")
    with pytest.raises(DriveError, match=r"2 calls of close .* did not all return 0"):
        WORKLOAD.drive(stage.script.plan(own_network=False), Recorder())


def test_memory_that_is_taken_already_is_reported() -> None:
    stage = new_stage(1)
    plan = stage.script.plan(own_network=False)
    twice = replace(plan.actors[0], regions=((BASE, 4096), (BASE, 4096)))
    with pytest.raises(DriveError, match=f"no memory of 4096 bytes at {BASE:#x}: File exists"):
        WORKLOAD.drive(replace(plan, actors=(twice,)), Recorder())


def test_actors_run_where_their_maker_runs() -> None:
    """The programs under test may count without atomic operations, so all events must come from one CPU."""
    before = os.sched_getaffinity(0)
    cpu = min(before)
    os.sched_setaffinity(0, {cpu})
    seen: list[set[int]] = []

    class Looking(Recorder):
        def add(self, events: Iterable[Event]) -> None:
            seen.extend(os.sched_getaffinity(pid) for pid in self.pids)
            super().add(events)

    try:
        WORKLOAD.drive(one_call(Call("close", (-1,), ret=-9)), Looking())
    finally:
        os.sched_setaffinity(0, before)
    assert seen
    assert all(affinity == {cpu} for affinity in seen)


def test_no_file_descriptor_is_left_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    WORKLOAD.drive(one_call(Call("close", (-1,), ret=-9)), Recorder())
    assert set(os.listdir("/proc/self/fd")) == before
