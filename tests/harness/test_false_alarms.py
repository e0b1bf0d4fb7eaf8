# SPDX-License-Identifier: Apache-2.0
"""Times on a real kernel: a program against itself raises no alarm, work that was left out is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.build import compile_c, find_compiler
from harness.checkout import find_checkout
from harness.measure.statistics import LEAST_BLOCKS
from harness.objects.btf import VMLINUX
from harness.report.model import Interval
from harness.report.store import load_report
from harness.vmlinux import vmlinux_header

CHECKOUT = find_checkout(Path(__file__).parent)
LIKE = "network_monitor"
REFERENCE = CHECKOUT.root / "reference_c" / LIKE / f"{LIKE}.bpf.c"
#: An entry that was changed in place is stored once more, which changes nothing.
REDUNDANT = re.compile(
    r"^\t\tbpf_map_update_elem\((?:&protocol_totals, &protocol, total|map, key, stats), BPF_ANY\);\n", re.MULTILINE
)
RUNS, LEAST = 20, 18
#: Of so many blocks three may have met something long.
FORGIVING = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="loading programs into this machine's kernel needs root"),
    pytest.mark.skipif(not VMLINUX.exists(), reason="this machine's kernel has no BTF"),
]


def compiled(text: str, folder: Path) -> Path:
    source, output = folder / "program.bpf.c", folder / "program.bpf.o"
    folder.mkdir()
    source.write_text(text, encoding="utf-8")
    compile_c(source, output, checkout=CHECKOUT, compiler=find_compiler(), vmlinux=vmlinux_header())
    return output


def intervals(left: Path, right: Path, folder: Path, blocks: int = LEAST_BLOCKS) -> dict[str, Interval]:
    """Those of left over right by handler, and of the mean, after one run."""
    command = [sys.executable, "-m", "harness.cli", "run", "--left", str(left), "--right", str(right), "--like", LIKE]
    command += [
        "--target",
        "local",
        "--cost-blocks",
        str(blocks),
        "--no-counters",
        "-q",
        "--reports",
        str(folder),
    ]
    done = subprocess.run(command, cwd=CHECKOUT.root, capture_output=True, text=True, timeout=600, check=False)
    (benchmark,) = load_report(folder / "latest").benchmarks
    one = benchmark.ratios["honey"]["ns_per_event"]
    assert one.interval is not None, done.stdout + done.stderr
    return {**one.intervals, "mean": one.interval}


def test_a_program_against_itself_raises_no_alarm(tmp_path: Path) -> None:
    same = compiled(REFERENCE.read_text(encoding="utf-8"), tmp_path / "same")
    quiet: Counter[str] = Counter()
    for number in range(RUNS):
        found = intervals(same, same, tmp_path / str(number))
        quiet.update(name for name, interval in found.items() if interval.low <= 1 <= interval.high)
    assert min(quiet.values()) >= LEAST, quiet


def test_redundant_updates_are_seen(tmp_path: Path) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    shorter, removed = REDUNDANT.subn("", text)
    assert removed == 2
    with_them, without = compiled(text, tmp_path / "with"), compiled(shorter, tmp_path / "without")
    for number in range(3):
        found = intervals(without, with_them, tmp_path / str(number), blocks=FORGIVING)
        for name, interval in found.items():
            assert interval.conclusive, (name, interval)
            assert interval.high < 1, (name, interval)
