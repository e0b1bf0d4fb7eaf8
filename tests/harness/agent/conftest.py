# SPDX-License-Identifier: Apache-2.0
"""The agent on this machine's kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.job_folder import compile_program


@dataclass(frozen=True)
class Done:
    """What the agent came back with."""

    status: int
    result: dict[str, Any]
    folder: Path
    said: str

    @property
    def benchmark(self) -> dict[str, Any]:
        """The only benchmark."""
        (only,) = self.result["benchmarks"]
        found: dict[str, Any] = only
        return found

    def entries(self, side: str, name: str, phase: int = 0) -> dict[bytes, bytes]:
        """A map's contents."""
        about = self.benchmark["phases"][phase]["maps"][side][name]
        data = (self.folder / about["file"]).read_bytes()
        step = about["key_size"] + about["value_bytes"]
        assert len(data) == step * about["entries"]
        cut = about["key_size"]
        return {data[at : at + cut]: data[at + cut : at + step] for at in range(0, len(data), step)}


RunAgent = Callable[[Path], Done]


def agent_command(job: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    """How the agent is started on ``job``: command and environment."""
    environment = {**os.environ, "PYTHONPATH": str(job), "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, "-m", "harness.agent", str(job), str(out)], environment


@pytest.fixture(scope="session")
def kernel() -> None:
    """Skips where this machine's kernel cannot be used."""
    if os.geteuid() != 0:
        pytest.skip("loading programs into this machine's kernel needs root")
    if not Path("/sys/kernel/btf/vmlinux").exists():
        pytest.skip("this machine's kernel has no BTF")


@pytest.fixture
def run_agent(tmp_path: Path) -> RunAgent:
    """Runs the agent on a job folder; for tests that use the fixture ``kernel``."""

    def run(job: Path) -> Done:
        out = tmp_path / "out"
        command, environment = agent_command(job, out)
        # Not in the checkout: a module is looked for in the working directory first.
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=100, check=False
        )
        assert (out / "result.json").exists(), done.stderr
        return Done(done.returncode, json.loads((out / "result.json").read_text()), out, done.stderr)

    return run


@pytest.fixture(scope="session")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The object that counts sendto calls."""
    return compile_program("counts", tmp_path_factory.mktemp("counts"))
