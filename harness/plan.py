# SPDX-License-Identifier: Apache-2.0
"""The job folder: all that a target needs, and nothing else of the checkout. Described in docs/design.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmark import Benchmark
from harness.build import BuiltPair
from harness.checkout import Checkout

JOB_SCHEMA = 1
#: What runs on the target, as paths below the checkout. The agent imports nothing else of the project.
SHIPPED = ("harness/__init__.py", "harness/agent", "workloads")

SHADOW = "shadow"
SOLO = "solo"


@dataclass(frozen=True, slots=True)
class Rounds:
    """Which phases a job has.

    ``parity`` drives the pair's traffic with all sides attached (``shadow``) or one after the other (``solo``);
    "" leaves it out. ``cost_rounds`` are pairs of rounds in which each side runs alone, in the order A B B A, so that
    a drift of the machine meets both alike.
    """

    parity: str = SHADOW
    cost_rounds: int = 1


def write_job(
    folder: Path, pairs: Sequence[BuiltPair], checkout: Checkout, *, seed: int, cpu: int, rounds: Rounds
) -> dict[str, Any]:
    """Make the job folder; gives the job document."""
    for shipped in SHIPPED:
        _copy(checkout.root / shipped, folder / shipped)
    for pair in pairs:
        for side in pair.sides.values():
            place = folder / _object(pair.benchmark, side.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(side.object, place)
    job = {
        "schema": JOB_SCHEMA,
        "seed": seed,
        "cpu": cpu,
        "benchmarks": [_benchmark(pair.benchmark, rounds) for pair in pairs],
    }
    (folder / "job.json").write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")
    return job


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, place)


def _object(benchmark: Benchmark, side: str) -> str:
    return f"objects/{benchmark.name}/{side}.bpf.o"


def _benchmark(benchmark: Benchmark, rounds: Rounds) -> dict[str, Any]:
    sides = list(benchmark.sources)
    phases: list[dict[str, Any]] = []
    if rounds.parity == SHADOW:
        phases.append({"kind": SHADOW})
    elif rounds.parity == SOLO:
        phases += [{"kind": SOLO, "side": side, "round": 0, "dump": True} for side in sides]
    phases += _cost_phases(benchmark, sides, rounds.cost_rounds)
    return {
        "name": benchmark.name,
        "sides": [{"name": side, "object": _object(benchmark, side)} for side in sides],
        "workload": {"name": benchmark.workload.name, "options": benchmark.workload.options},
        "phases": phases,
        "time_limit_s": benchmark.time_limit_s,
    }


def _cost_phases(benchmark: Benchmark, sides: list[str], rounds: int) -> list[dict[str, Any]]:
    """A B B A: every other round in reverse."""
    options = {**benchmark.workload.options, **(benchmark.workload.cost_options or {})}
    workload = {"name": benchmark.workload.name, "options": options}
    phases = []
    for number in range(1, 2 * rounds + 1):
        order = sides if number % 2 else sides[::-1]
        phases += [{"kind": SOLO, "side": side, "round": number, "workload": workload} for side in order]
    return phases
