# SPDX-License-Identifier: Apache-2.0
"""However the agent ends, nothing of it stays: no program, no pin, no mount, no process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.conftest import RunAgent, agent_command
from agent.job_folder import compile_program, make_job
from harness.agent import mounts
from harness.targets.leftovers import clean, leftovers

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("kernel")]


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until ``what`` holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def hanging(job: Path, out: Path, says: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The agent with a driver that hangs, and the driver's pid."""
    command, environment = agent_command(job, out)
    with subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: says.exists() and says.read_text() != "")
            yield process, int(says.read_text())
        finally:
            process.kill()


def hang(tmp_path: Path) -> tuple[Path, Path]:
    says = tmp_path / "says"
    work = {"name": "hang", "options": {"says": str(says)}}
    return make_job(tmp_path / "job", {"honey": compile_program("pinned", tmp_path)}, workload=work), says


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def pins(pid: int) -> list[Path]:
    return list(Path(f"/sys/fs/bpf/honey-agent-{pid}").glob("*"))


def abandoned_pins() -> list[str]:
    """Other tests may run at the same time, so only those without an owner count."""
    return [each.what for each in leftovers() if each.kind == "pin"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_everything_back(tmp_path: Path, number: signal.Signals) -> None:
    job, says = hang(tmp_path)
    with hanging(job, tmp_path / "out", says) as (process, driver):
        assert pins(process.pid)
        process.send_signal(number)
        assert process.wait(10) == 130
    assert not alive(driver)
    assert not pins(process.pid)
    error = json.loads((tmp_path / "out" / "result.json").read_text())["error"]
    assert number.name in error["message"]


def test_what_a_killed_agent_leaves_is_found_and_cleaned(tmp_path: Path) -> None:
    job, says = hang(tmp_path)
    with hanging(job, tmp_path / "out", says) as (process, driver):
        process.kill()
        process.wait()
        os.kill(driver, signal.SIGKILL)
    found = [each for each in leftovers() if str(process.pid) in each.path]
    assert [each.kind for each in found] == ["pin"]
    assert clean(found) == []
    assert not [each for each in leftovers() if str(process.pid) in each.path]


def test_a_driver_that_hangs_is_ended_by_the_time_limit(run_agent: RunAgent, tmp_path: Path) -> None:
    job, says = hang(tmp_path)
    document = json.loads((job / "job.json").read_text())
    document["benchmarks"][0]["time_limit_s"] = 0.5
    (job / "job.json").write_text(json.dumps(document))
    done = run_agent(job)

    assert "time limit of 0.5 s" in done.benchmark["error"]["message"]
    assert not alive(int(says.read_text()))
    assert not abandoned_pins()


def test_mounts_end_with_the_last_agent() -> None:
    before = mounts.ours()
    with mounts.kernel_file_systems():
        with mounts.kernel_file_systems():
            pass
        assert Path("/sys/kernel/tracing/events").is_dir() or Path("/sys/kernel/debug/tracing/events").is_dir()
    assert mounts.ours() == before or mounts.ours() == []
