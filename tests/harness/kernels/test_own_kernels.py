# SPDX-License-Identifier: Apache-2.0
"""Kernels built from their source, with everything built in and no folder of modules: one that has all that programs
need, and two that lack something. A matter of a quarter of an hour, so at night only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.kernels import DEFAULT, KernelError
from harness.kernels.build import _TOOLS, Order, build
from harness.kernels.releases import release
from harness.kernels.source import packaged_source
from harness.report.store import load_report

ROOT = Path(__file__).resolve().parents[3]

missing = [tool for tool in (*_TOOLS, "qemu-system-x86_64") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.vm,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(missing), reason=f"building kernels needs `make kernel-tools`; missing: {missing}"),
]


def built(tmp_path: Path, *options: str) -> Path:
    """The default kernel, built with ``options``; what was built before it is used again."""
    known = release(DEFAULT)
    assert known is not None
    try:
        source = packaged_source(known, lambda _words: None)
    except KernelError as problem:
        pytest.skip(f"no source of a kernel: {problem.message}")
    return build(Order(source, options, len(os.sched_getaffinity(0))), tmp_path, lambda _words: None)


def run(image: Path, reports: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", "run", "network_monitor", "--kernel", str(image)]
    command += ["--cost-blocks", "0", "--no-guest-insns", "--reports", str(reports)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_a_kernel_without_modules_will_do(tmp_path: Path) -> None:
    done = run(built(tmp_path), tmp_path / "reports")
    assert done.returncode == 0, done.stdout + done.stderr
    assert load_report(tmp_path / "reports/latest").benchmarks[0].parity.oracle_equal


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("CONFIG_DEBUG_INFO_BTF=n", "lacks type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF)"),
        ("CONFIG_FTRACE_SYSCALLS=n", "lacks the tracepoint syscalls/sys_enter_"),
    ],
)
def test_what_a_kernel_lacks_is_named(tmp_path: Path, option: str, words: str) -> None:
    done = run(built(tmp_path, option), tmp_path / "reports")
    assert done.returncode == 1, done.stdout + done.stderr
    error = load_report(tmp_path / "reports/latest").benchmarks[0].error
    assert error is not None
    assert error.step == "features"
    assert words in error.message
