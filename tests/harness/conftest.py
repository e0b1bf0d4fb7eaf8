# SPDX-License-Identifier: Apache-2.0
"""Objects that comparison and measuring are tested on, compiled once a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clang_objects import clang_object
from compare_bench import Bench
from run_bench import REFERENCE, ROOT, Harness, pair

from harness.objects import BpfObject, read_object

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="session")
def flows_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data/flows.bpf.c`` as an object."""
    output = tmp_path_factory.mktemp("objects") / "flows.bpf.o"
    return clang_object(DATA / "flows.bpf.c", output)


@pytest.fixture(scope="session")
def flows(flows_path: Path) -> BpfObject:
    """The same, read."""
    return read_object(flows_path)


@pytest.fixture
def bench(tmp_path: Path, flows: BpfObject) -> Bench:
    """Dumps of the maps of ``data/flows.bpf.c``, made to be compared."""
    return Bench(tmp_path, flows)


@pytest.fixture(scope="session")
def target() -> str:
    """Where whole runs take place: this machine's kernel where that is possible, else a virtual machine."""
    return "local" if os.geteuid() == 0 and Path("/sys/kernel/btf/vmlinux").exists() else "vm"


@pytest.fixture
def harness(tmp_path: Path, target: str) -> Harness:
    """Runs ``harness run`` on a benchmark with the given Honey side."""

    def call(
        honey: Path = REFERENCE, *options: str, c: Path = REFERENCE, on: str = target
    ) -> subprocess.CompletedProcess[str]:
        benchmark = tmp_path / "pair.toml"
        benchmark.write_text(pair(honey, c), encoding="utf-8")
        command = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", on]
        command += ["--no-guest-insns", "--reports", str(tmp_path / "reports"), *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    return call
