# SPDX-License-Identifier: Apache-2.0
"""What the recorder says against what the kernel's own tracing saw."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from workloads import registry
from workloads.events import with_exits
from workloads.recorder import Recorder

CALLS = ("sendto", "recvfrom", "sendmsg", "recvmsg")
ARGUMENTS = {"sendto": 6, "recvfrom": 6, "sendmsg": 3, "recvmsg": 3}
LINE = re.compile(r"-(\d+) +\[\d+\].*?: sys_(\w+)(?:\((.*)\)| -> (\S+))$")


@pytest.fixture
def tracing(tmp_path: Path) -> Iterator[Path]:
    """A tracing instance of its own that records the four calls of all processes."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    folder = tmp_path / "tracefs"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tracefs", "tracefs", str(folder)], capture_output=True, text=True, timeout=20, check=False
    )
    if mounted.returncode:
        pytest.skip(f"tracefs cannot be mounted: {mounted.stderr.strip()}")
    instance = folder / "instances" / f"workloads-{os.getpid()}"
    try:
        if not (folder / "events/syscalls").is_dir():
            pytest.skip("the kernel has no system call tracepoints (CONFIG_FTRACE_SYSCALLS)")
        instance.mkdir()
        try:
            for call in CALLS:
                for side in ("enter", "exit"):
                    (instance / f"events/syscalls/sys_{side}_{call}/enable").write_text("1")
            yield instance
        finally:
            (instance / "tracing_on").write_text("0")
            instance.rmdir()
    finally:
        subprocess.run(["umount", str(folder)], timeout=20, check=True)


def seen(trace: str, pids: set[int]) -> list[tuple[int, str, tuple[int, ...]]]:
    """``(tid, call, arguments)`` of each entry and ``(tid, call, (ret,))`` of each exit, in the kernel's order."""
    out = []
    for line in trace.splitlines():
        match = LINE.search(line)
        if match and int(match[1]) in pids:
            entry, ret = match[3], match[4]
            numbers = (
                tuple(int(value, 16) for value in re.findall(r"\w+: (?:0x)?([0-9a-f]+)", entry))
                if ret is None
                else (int(ret, 16) & (2**64 - 1),)
            )
            out.append((int(match[1]), match[2], numbers))
    return out


@pytest.mark.kernel
def test_the_recorded_events_are_those_that_the_kernel_saw(tracing: Path) -> None:
    recorder = Recorder()
    WORKLOAD = registry.get("network")
    WORKLOAD.drive(WORKLOAD.plan(5, {}), recorder)
    tids = {event.tid for event in recorder.events} | set(recorder.pids)
    recorded = []
    for event in with_exits(recorder.events):
        call = event.hook.rpartition("_")[2]
        shown = ARGUMENTS[call] if "enter" in event.hook else 1
        recorded.append((event.tid, call, event.args[:shown]))
    assert seen((tracing / "trace").read_text(), tids) == recorded
