# SPDX-License-Identifier: Apache-2.0
"""Whole runs on kernels that lack something, and on disks that are full: each ends in a sentence, nothing stays behind.

What a kernel lacks is hidden in a mount namespace around an sshd, to which the run goes: agent and libbpf see what they
would see there.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from targets.sshd import Sshd, reason_to_skip, running_sshd

from harness.report.store import load_report

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "-"),
]

WITHOUT_BTF = "mount -t tmpfs tmpfs /sys/kernel/btf"
WITHOUT_SYSCALLS = """
set -e
[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmpfs /sys/kernel/tracing/events/syscalls
mount -t tmpfs tmpfs /sys/kernel/debug
mkdir /sys/kernel/debug/tracing
"""


@contextlib.contextmanager
def poor_machine(folder: Path, hide: str) -> Iterator[Sshd]:
    """An sshd on this kernel, seen without what the commands ``hide``."""
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{hide}\nexec "$@"', "sh"]
    with running_sshd(folder, prefix=prefix) as server:
        yield server


def run(benchmark: str, target: str, reports: Path, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", "run", benchmark, "--target", target, "--reports", str(reports)]
    environment = {**os.environ, **({"HONEY_SSH_CONFIG": str(config)} if config else {})}
    return subprocess.run(
        [*command, "--cost-blocks", "0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize(
    ("hide", "words"),
    [
        (WITHOUT_BTF, "lacks type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF), needed by"),
        (WITHOUT_SYSCALLS, "lacks the tracepoint syscalls/sys_enter_"),
    ],
    ids=["BTF", "syscall tracepoints"],
)
def test_what_a_kernel_lacks_is_named_before_anything_is_loaded(tmp_path: Path, hide: str, words: str) -> None:
    with poor_machine(tmp_path / "sshd", hide) as server:
        done = run("network_monitor", server.target, tmp_path / "reports", server.config)
        assert not list(server.temporary.iterdir())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    (benchmark,) = load_report(tmp_path / "reports/latest").benchmarks
    assert benchmark.error is not None
    assert benchmark.error.step == "features"
    assert words in benchmark.error.message
    assert words in done.stdout


@pytest.mark.parametrize("room_kb", [200, 500, 700, 1200])
def test_a_full_disk_for_reports_is_named(tmp_path: Path, room_kb: int) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room_kb}k", "tmpfs", str(small)], check=True)
    try:
        done = run("network_monitor", "local", small / "reports")
        left = list((small / "reports").glob(".run-*"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no space left on device" in (done.stdout + done.stderr).lower()
    assert "Traceback" not in done.stderr
    assert not left
