# SPDX-License-Identifier: Apache-2.0
"""Guests that were booted afresh count the same instructions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cache import cache_folder
from harness.checkout import find_checkout
from harness.report.model import BenchmarkReport
from harness.report.store import load_report

CHECKOUT = find_checkout(Path(__file__).parent)
PAIR = "network_monitor"
BOOTS = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vm,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="qemu-system-x86_64 is not installed"),
]


def after_a_boot(folder: Path) -> BenchmarkReport:
    """A run with a cache that has everything but snapshots of guests."""
    cache = folder / "cache" / "honey-parity"
    cache.mkdir(parents=True)
    for known in cache_folder("snapshots").parent.iterdir():
        if known.name != "snapshots":
            (cache / known.name).symlink_to(known)
    command = [sys.executable, "-m", "harness.cli", "run", PAIR, "--target", "vm", "-q", "--reports", str(folder)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        command, cwd=CHECKOUT.root, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    report = load_report(folder / "latest")
    assert report.timings["vm-counting_boot"] > 0, done.stdout + done.stderr
    shutil.rmtree(folder / "cache")
    return report.benchmarks[0]


def test_five_boots_agree_within_a_thousandth(tmp_path: Path) -> None:
    reports = [after_a_boot(tmp_path / str(number)) for number in range(BOOTS)]
    for handler, sides in reports[0].programs.items():
        for side in sides:
            figures = [report.programs[handler][side] for report in reports]
            assert len({one.executed_insns_per_event for one in figures}) == 1
            counts = [one.guest_insns_per_event or 0.0 for one in figures]
            assert max(counts) <= min(counts) * 1.001, (handler, side, counts)
            assert min(counts) > 100
