# SPDX-License-Identifier: Apache-2.0
"""The virtual machine as a target: what comes back, and what happens when it is lost half-way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from agent.job_folder import make_job, solo

from harness.execute import COUNT_BLOCKS
from harness.kernels import Kernel
from harness.targets import TargetError, do_job
from harness.targets.snapshot import snapshot_of
from harness.targets.temporary import owner
from harness.targets.vm import VmTarget
from harness.targets.window import command_line

pytestmark = pytest.mark.vm

HANG: dict[str, Any] = {"name": "hang", "options": {}}


def guests(harness: int) -> list[int]:
    """The QEMU processes of the harness with this process number."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if words.startswith("qemu") and owner(words) == harness:
                found.append(int(entry.name))
    return found


@contextmanager
def lost_in_mid_run(kernel: Kernel, job: Path, out: Path, act: Callable[[], None]) -> Iterator[TargetError]:
    """Run ``job`` and do ``act`` when the workload has begun; gives the error that comes of it."""

    def on_step(step: str) -> None:
        if step.startswith("shadow"):
            threading.Timer(0.5, act).start()

    with VmTarget(kernel) as target, pytest.raises(TargetError) as caught:
        do_job(target, job, out, time_limit_s=60, on_step=on_step)
    assert guests(os.getpid()) == []
    yield caught.value


def test_a_job_comes_back_with_its_results(kernel: Kernel, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts, "c": counts}, [{"kind": "shadow"}, solo("c", round=1)])
    steps: list[str] = []
    with VmTarget(kernel) as target:
        assert do_job(target, job, tmp_path / "out", on_step=steps.append) == 0
        assert target.about()["kernel"] == kernel.release

    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["kernel"]["release"] == kernel.release
    assert result["agent"]["libbpf"]
    shadow, cost = result["benchmarks"][0]["phases"]
    data = (tmp_path / "out" / shadow["maps"]["c"]["by_pid"]["file"]).read_bytes()
    assert struct.pack("<IQ", shadow["pids"][0], 100) in data
    assert cost["programs"]["count_sendto"]["run_cnt"] >= 100
    assert "load test honey" in steps
    assert guests(os.getpid()) == []
    assert set(target.timings) >= {"start", "put", "run", "get", "stop"}


def test_without_shared_memory_everything_goes_over_the_serial_line(
    kernel: Kernel, counts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The guest is not told where the window is, as if its kernel did not let it look there.
    monkeypatch.setattr("harness.targets.qemu.command_line", lambda memory_mb: command_line(memory_mb).split()[0])
    snapshots = tmp_path / "snapshots"
    snapshots.mkdir()
    monkeypatch.setattr("harness.targets.snapshot.cache_folder", lambda _subject: snapshots)
    job = make_job(tmp_path / "job", {"honey": counts})
    try:
        with VmTarget(kernel) as target:
            assert do_job(target, job, tmp_path / "out") == 0
    finally:
        shutil.rmtree(snapshots)


def test_counted_instructions_are_the_same_every_time(kernel: Kernel, counts: Path, tmp_path: Path) -> None:
    """Of a guest's rounds the lowest counts, as in every report: a tick of the clock may fall into one of them."""
    costs, events = [], []
    for number in (1, 2):
        rounds = [solo("honey", block=block) for block in range(COUNT_BLOCKS)]
        job = make_job(tmp_path / f"job{number}", {"honey": counts}, rounds)
        with VmTarget(kernel, icount=True) as target:
            do_job(target, job, tmp_path / f"out{number}")
        result = json.loads((tmp_path / f"out{number}" / "result.json").read_text())
        found = [phase["programs"]["count_sendto"] for phase in result["benchmarks"][0]["phases"]]
        costs.append(min(cost["run_time_ns"] / cost["run_cnt"] for cost in found))
        events.append([cost["run_cnt"] for cost in found])
    assert events[0] == events[1]
    assert costs[0] == pytest.approx(costs[1], rel=0.001)


def test_a_killed_guest_is_told_with_the_step(kernel: Kernel, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts}, workload=HANG)

    def kill() -> None:
        for pid in guests(os.getpid()):
            os.kill(pid, signal.SIGKILL)

    with lost_in_mid_run(kernel, job, tmp_path / "out", kill) as error:
        assert "shadow test" in error.step
        assert "signal 9" in error.message


def test_a_panic_is_told_with_the_consoles_words(kernel: Kernel, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts}, workload={"name": "panic", "options": {}})
    with lost_in_mid_run(kernel, job, tmp_path / "out", lambda: None) as error:
        assert "shadow test" in error.step
        assert "Kernel panic" in error.console


def test_a_guest_that_does_not_end_is_stopped(kernel: Kernel, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts}, workload=HANG)
    # Well before the benchmark's own limit is over, at which the agent would end it in peace.
    with VmTarget(kernel) as target, pytest.raises(TargetError, match="time limit"):
        do_job(target, job, tmp_path / "out", time_limit_s=3)
    assert guests(os.getpid()) == []


def test_a_harness_that_is_killed_takes_its_guest_along(kernel: Kernel, counts: Path, tmp_path: Path) -> None:
    assert kernel.boot.is_file()
    job = make_job(tmp_path / "job", {"honey": counts}, workload=HANG)
    command = [sys.executable, str(Path(__file__).with_name("lost.py")), "vm", str(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        assert len(guests(process.pid)) == 1
        process.kill()
    deadline = time.monotonic() + 5
    while guests(process.pid):
        assert time.monotonic() < deadline, "the guest runs on"
        time.sleep(0.05)


def test_a_snapshot_that_is_damaged_is_made_anew(
    kernel: Kernel, counts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path / "job", {"honey": counts})
    made: list[bool] = []

    def damaged(*arguments: Any, **options: Any) -> Any:
        snapshot, new = snapshot_of(*arguments, **options)
        if not made:
            snapshot.state.write_bytes(b"this is no state of any machine")
        made.append(new)
        return snapshot, False

    monkeypatch.setattr("harness.targets.vm.snapshot_of", damaged)
    with VmTarget(kernel) as target:
        assert do_job(target, job, tmp_path / "out") == 0
    assert made[1:] == [True]


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system to fill needs root")
def test_a_full_disk_is_told(kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "cache"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setenv("XDG_CACHE_HOME", str(small))
        with pytest.raises(TargetError, match="No space left") as caught, VmTarget(kernel):
            pass
        assert "room" in caught.value.hint
        assert guests(os.getpid()) == []
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
