# SPDX-License-Identifier: Apache-2.0
"""Compile time, and cost per event, as benchmarks whose stored results ``pytest-benchmark compare`` reads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.benchmark import Benchmark
from harness.benchmark_file import find_benchmarks
from harness.build import compile_c, find_compiler
from harness.checkout import find_checkout
from harness.report.model import BenchmarkReport
from harness.report.store import load_report
from harness.vmlinux import vmlinux_header

CHECKOUT = find_checkout(Path(__file__).parent)
BENCHMARKS = {one.name: one for one in find_benchmarks(CHECKOUT, [])}
PAIRS = [name for name, one in BENCHMARKS.items() if (CHECKOUT.root / one.sides.honey.path).is_file()]
BLOCKS = 6
HANDLER = re.compile(r'^SEC\("(?!license|\.maps)[^"]+"\)\s*int (\w+)', re.MULTILINE)

pytestmark = pytest.mark.bench


def handlers(benchmark: Benchmark) -> list[str]:
    return HANDLER.findall((CHECKOUT.root / benchmark.sides.c.path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAIRS)
def test_compile_honey(benchmark: Any, name: str, tmp_path: Path) -> None:
    """From the start of the process to the object."""
    source = BENCHMARKS[name].sides.honey.path
    command = [str(Path(sys.executable).with_name("honey")), "compile", source, "-o", str(tmp_path / "honey.bpf.o")]
    benchmark.group = f"compile {name}"
    benchmark.pedantic(lambda: subprocess.run(command, cwd=CHECKOUT.root, check=True), rounds=10, warmup_rounds=1)


@pytest.mark.parametrize("name", PAIRS)
def test_compile_c(benchmark: Any, name: str, tmp_path: Path) -> None:
    """The hand-written reference with the full header of kernel types."""
    source = CHECKOUT.root / BENCHMARKS[name].sides.c.path
    compiler, vmlinux = find_compiler(), vmlinux_header()

    def compile_once() -> None:
        compile_c(source, tmp_path / "c.bpf.o", checkout=CHECKOUT, compiler=compiler, vmlinux=vmlinux)

    benchmark.group = f"compile {name}"
    benchmark.pedantic(compile_once, rounds=10, warmup_rounds=1)


class Clock:
    """A clock that shows what was measured elsewhere, so that its distribution can be stored and compared."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_ns(self, nanoseconds: Iterator[float]) -> None:
        self.now += next(nanoseconds) / 1e9


CLOCK = Clock()


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BenchmarkReport]:
    """A run of all pairs with enough blocks."""
    folder = tmp_path_factory.mktemp("bench")
    target = "local" if os.geteuid() == 0 else "vm"
    command = [sys.executable, "-m", "harness.cli", "run", *PAIRS, "--target", target, "-q"]
    command += ["--cost-blocks", str(BLOCKS), "--no-guest-insns", "--no-counters", "--reports", str(folder)]
    subprocess.run(command, cwd=CHECKOUT.root, check=False, timeout=1200)
    return {one.name: one for one in load_report(folder / "latest").benchmarks}


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("side", ["honey", "c"])
@pytest.mark.parametrize(("name", "handler"), [(name, one) for name in PAIRS for one in handlers(BENCHMARKS[name])])
def test_event(benchmark: Any, measured: dict[str, BenchmarkReport], name: str, handler: str, side: str) -> None:
    """The time an event takes in each block, as the kernel counts it, less that of an empty program."""
    figures = measured[name].programs[handler][side]
    assert len(figures.ns_by_block) == BLOCKS, figures.unavailable
    values = iter(figures.ns_by_block)
    benchmark.group = f"event {name} {handler}"
    benchmark.extra_info["executed_insns_per_event"] = figures.executed_insns_per_event
    benchmark.pedantic(CLOCK.pass_ns, args=(values,), rounds=BLOCKS)
