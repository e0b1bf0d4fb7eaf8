# SPDX-License-Identifier: Apache-2.0
"""A process that is stopped for a while notes when it stood still, and one that is not notes nothing of the kind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
WATCHING = """
import json, sys
from harness.agent.stalls import watch_for_stalls
with watch_for_stalls() as stalls:
    print("watching", flush=True)
    sys.stdin.readline()
print(json.dumps(stalls.found))
"""


def test_a_stop_is_noted_with_its_time() -> None:
    command = [sys.executable, "-c", WATCHING]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "watching\n"
        os.kill(process.pid, signal.SIGSTOP)
        # Until the kernel says that it is stopped, it may still run.
        os.waitpid(process.pid, os.WUNTRACED)
        stopped = time.monotonic_ns()
        time.sleep(0.2)
        going_on = time.monotonic_ns()
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate("\n", timeout=30)
    found = json.loads(out)
    # It had looked at the clock at most one round before, and did so again at the latest when it ended.
    assert any(start <= stopped + 10_000_000 and end >= going_on for start, end in found), (found, stopped, going_on)
