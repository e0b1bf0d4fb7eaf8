# SPDX-License-Identifier: Apache-2.0
"""A fault planted into the port of each pair is found by the comparison, and said in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli

ROOT = Path(__file__).resolve().parents[2]
FAULTS: dict[str, dict[str, dict[str, Any]]] = tomli.loads(
    Path(__file__).with_name("faults.toml").read_text(encoding="utf-8")
)
PAIRS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.toml"))
#: 1: it differs. 0 would be a fault that nobody saw, 2 a run that could not be done.
DIFFERS = 1


def test_there_is_a_fault_for_every_pair() -> None:
    assert sorted(FAULTS) == PAIRS


def test_the_ports_themselves_hold(tmp_path: Path) -> None:
    done = _run(PAIRS, tmp_path / "reports")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in FAULTS.items() for kind in kinds])
def test_the_fault_is_found(name: str, kind: str, tmp_path: Path) -> None:
    fault = FAULTS[name][kind]
    port = (ROOT / f"honey/ports/{name}.ex").read_text(encoding="utf-8")
    assert port.count(fault["replace"]) == 1, "the port has changed: plant the fault anew in tests/suite/faults.toml"
    wrong = tmp_path / f"{name}.ex"
    wrong.write_text(port.replace(fault["replace"], fault["by"]), encoding="utf-8")
    benchmark = (ROOT / f"benchmarks/{name}.toml").read_text(encoding="utf-8")
    pair = tmp_path / f"{name}.toml"
    pair.write_text(benchmark.replace(f"honey/ports/{name}.ex", str(wrong)), encoding="utf-8")
    done = _run([str(pair)], tmp_path / "reports")
    assert done.returncode == DIFFERS, done.stdout + done.stderr
    assert fault["said"] in " ".join(done.stdout.split())


def _run(pairs: Sequence[str], reports: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", "run", *pairs, "--target", "sim"]
    return subprocess.run(
        [*command, "--reports", str(reports)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
