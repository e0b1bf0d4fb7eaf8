# SPDX-License-Identifier: Apache-2.0
"""What a kernel lacks is said before anything is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.job_folder import make_job
from harness.agent.probe import Feature, lacking

pytestmark = pytest.mark.kernel

THERE = (
    Feature("helper", "bpf_map_lookup_elem", 1, "tracepoint"),
    Feature("helper", "bpf_probe_read_kernel", 113, "tracepoint"),
    Feature("helper", "bpf_xdp_adjust_head", 44, "xdp"),
    Feature("map_type", "hash"),
    Feature("map_type", "percpu_array"),
    Feature("map_type", "ringbuf"),
    Feature("map_type", "lpm_trie"),
    Feature("map_type", "queue"),
    Feature("program_type", "tracepoint"),
    Feature("program_type", "xdp"),
    Feature("program_type", "sched_cls"),
)
MISSING = (
    Feature("helper", "number 9999", 9999, "tracepoint"),
    # A helper that every kernel has, but not for programs of this type.
    Feature("helper", "bpf_xdp_adjust_head", 44, "tracepoint"),
)


def test_what_every_kernel_has_is_found() -> None:
    assert lacking(THERE) == []


def test_what_no_kernel_has_is_missed_once() -> None:
    assert lacking([*THERE, *MISSING, *MISSING]) == list(MISSING)


@pytest.fixture
def outcome(counts: Path, tmp_path: Path) -> dict[str, object]:
    """What comes of a job that needs a tracepoint and a helper that are not there."""
    needs = [
        {"kind": "tracepoint", "name": "syscalls/sys_enter_teleport", "wanted_by": "trace in honey"},
        {"kind": "helper", "name": "number 9999", "number": 9999, "program_type": "tracepoint"},
    ]
    job = make_job(tmp_path / "job", {"honey": counts}, needs=needs)
    command = [sys.executable, "-m", "harness.agent", str(job), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=job, capture_output=True, text=True, timeout=60, check=False)
    assert "step load" not in done.stderr
    document: dict[str, object] = json.loads((tmp_path / "out/result.json").read_text())["benchmarks"][0]
    return document


def test_a_job_that_needs_what_is_not_there_ends_before_loading(outcome: dict[str, object]) -> None:
    error = outcome["error"]
    assert isinstance(error, dict)
    assert error["step"] == "features"
    words = "lacks the tracepoint syscalls/sys_enter_teleport (CONFIG_FTRACE_SYSCALLS), needed by trace in honey"
    assert words in error["message"]
    assert "the helper number 9999 in tracepoint programs" in error["message"]
    assert outcome["programs"] == {}
