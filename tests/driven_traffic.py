# SPDX-License-Identifier: Apache-2.0
"""The network traffic of a whole run, driven by the agent on this machine's kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def drive(job: Path, out: Path, sides: Iterable[str], *, seed: int) -> dict[str, Any]:
    """The traffic while the objects ``SIDE.bpf.o`` in ``job`` are attached, all at once; gives what the agent found."""
    benchmark = {
        "name": "traffic",
        "sides": [{"name": side, "object": f"{side}.bpf.o"} for side in sides],
        "workload": {"name": "network", "options": {"profile": "full"}},
        "phases": [{"kind": "shadow"}],
        "time_limit_s": 60,
    }
    document = {"schema": 1, "seed": seed, "cpu": min(os.sched_getaffinity(0)), "benchmarks": [benchmark]}
    (job / "job.json").write_text(json.dumps(document), encoding="utf-8")
    command = [sys.executable, "-m", "harness.agent", str(job), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    result: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    found: dict[str, Any]
    (found,) = result["benchmarks"]
    assert (done.returncode, result["error"], found["error"]) == (0, None, None), done.stderr
    return found
