# SPDX-License-Identifier: Apache-2.0
"""This machine's own kernel as a target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agent.job_folder import make_job

from harness.targets import TargetError, do_job, open_target
from harness.targets.leftovers import leftovers

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="loading programs into this machine's kernel needs root")


def test_without_root_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(TargetError, match="needs root") as caught, open_target("local"):
        pass
    assert "--target vm" in caught.value.hint


def test_an_unknown_target_is_named_with_those_there_are() -> None:
    with pytest.raises(TargetError, match="moon") as caught:
        open_target("moon")
    assert "vm" in caught.value.hint


@pytest.mark.kernel
@needs_root
def test_a_job_comes_back_with_its_results(counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts, "c": counts})
    steps: list[str] = []
    with open_target("local") as target:
        assert do_job(target, job, tmp_path / "out", on_step=steps.append) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["kernel"]["release"] == os.uname().release
    assert "shadow test" in steps


@pytest.mark.kernel
@needs_root
def test_an_agent_that_does_not_end_is_stopped(counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts}, workload={"name": "hang", "options": {}})
    with open_target("local") as target, pytest.raises(TargetError, match="did not end within 1 s"):
        do_job(target, job, tmp_path / "out", time_limit_s=1)
    assert not agents(job)


@pytest.mark.kernel
@needs_root
def test_a_harness_that_is_killed_takes_its_agent_along(counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts}, workload={"name": "hang", "options": {}})
    command = [sys.executable, str(Path(__file__).with_name("lost.py")), "local", str(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        assert agents(job)
        process.kill()
    deadline = time.monotonic() + 5
    while agents(job):
        assert time.monotonic() < deadline, "the agent runs on"
        time.sleep(0.05)
    assert not [each for each in leftovers() if each.kind in {"pin", "agent"}]


def agents(job: Path) -> list[str]:
    """The processes that have to do with ``job``."""
    words = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "harness.agent" in line and str(job) in line:
                words.append(line)
    return words
