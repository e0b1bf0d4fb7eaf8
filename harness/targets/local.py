# SPDX-License-Identifier: Apache-2.0
"""The machine's own kernel as a target."""

from __future__ import annotations

import os
import platform
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness.targets.base import OnStep, Target, TargetError
from harness.targets.process import dying_with_us, end
from harness.targets.temporary import temporary_folder


class LocalTarget(Target):
    """Runs the agent as a process of its own beside the harness; root is needed."""

    def __init__(self) -> None:
        super().__init__("local")
        self._folder: Path | None = None
        self._job: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A folder for the results, nothing more."""
        if os.geteuid() != 0:
            raise TargetError(
                "start",
                "the target local loads programs into this machine's kernel, which needs root",
                hint="run it as root, or use --target vm, which does not need root",
            )
        self._folder = temporary_folder("local")

    def put(self, job: Path) -> None:
        """The agent reads the job where it lies."""
        self._job = job

    def run(self, *, time_limit_s: float, on_step: OnStep) -> int:
        """Start the agent and follow its progress; it gets a moment to clean up when it has to be stopped."""
        if self._folder is None or self._job is None:
            raise TargetError("run", "the target was not started, or has no job")
        environment = {**os.environ, "PYTHONPATH": str(self._job), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "harness.agent", str(self._job), str(self._folder / "out")]
        self._process = subprocess.Popen(
            dying_with_us(command, "TERM"),
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        lines = _follow(self._process, time.monotonic() + time_limit_s, on_step)
        if lines is None:
            end(self._process)
            raise TargetError("run", f"the agent did not end within {time_limit_s:g} s")
        status = self._process.wait()
        if status < 0 or not (self._folder / "out" / "result.json").is_file():
            raise TargetError("run", f"the agent ended with status {status} and without a result", console=lines)
        return status

    def get(self, out: Path) -> None:
        """Move the results to where they are wanted."""
        if self._folder is None:
            raise TargetError("get", "the target was not started")
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.exists():
            shutil.rmtree(out)
        shutil.move(self._folder / "out", out)

    def stop(self) -> None:
        """End the agent if it still runs and remove the folder."""
        if self._process is not None:
            end(self._process)
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def about(self) -> dict[str, Any]:
        """The machine's kernel."""
        return {"target": "local", "accelerator": None, "kernel": platform.release(), "cpus": os.cpu_count()}


def _follow(process: subprocess.Popen[bytes], deadline: float, on_step: OnStep) -> str | None:
    """Read the process's lines until it closes them; all it said, or ``None`` when the deadline passed."""
    stream = process.stderr
    if stream is None:
        return ""
    said = bytearray()
    begun = 0
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if not selector.select(left):
                continue
            chunk = os.read(stream.fileno(), 1 << 16)
            if not chunk:
                return said.decode(errors="replace")
            said += chunk
            while (at := said.find(b"\n", begun)) >= 0:
                line = said[begun:at].decode(errors="replace")
                begun = at + 1
                if line.startswith("step "):
                    on_step(line.removeprefix("step "))
