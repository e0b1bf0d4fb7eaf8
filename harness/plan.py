# SPDX-License-Identifier: Apache-2.0
"""The job folder: all that a target needs, and nothing else of the checkout. Described in docs/design.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmark import Benchmark, WorkloadUse
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
    "" leaves it out. In each of the ``cost_rounds`` every side runs alone; ``mirrored`` ones run twice, in the order
    A B B A, so that a drift of the machine meets all sides alike.
    """

    parity: str = SHADOW
    cost_rounds: int = 1
    mirrored: bool = True

    def phases(self, sides: int) -> int:
        """How many phases a benchmark with so many sides has."""
        parity = {SHADOW: 1, SOLO: sides}.get(self.parity, 0)
        return parity + self.cost_rounds * sides * (2 if self.mirrored else 1)


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
    phases += _cost_phases(benchmark, sides, rounds)
    return {
        "name": benchmark.name,
        "sides": [{"name": side, "object": _object(benchmark, side)} for side in sides],
        "workload": {"name": benchmark.workload.name, "options": benchmark.workload.options},
        "phases": phases,
        "time_limit_s": benchmark.time_limit_s,
    }


def _cost_phases(benchmark: Benchmark, sides: list[str], rounds: Rounds) -> list[dict[str, Any]]:
    """Each round in order and, if mirrored, in reverse."""
    use = cost_workload(benchmark)
    workload = {"name": use.name, "options": use.options}
    orders = (sides, sides[::-1]) if rounds.mirrored else (sides,)
    return [
        {"kind": SOLO, "side": side, "round": number, "workload": workload}
        for number, order in enumerate(orders * rounds.cost_rounds, start=1)
        for side in order
    ]


def cost_workload(benchmark: Benchmark) -> WorkloadUse:
    """The workload of cost rounds."""
    use = benchmark.workload
    return WorkloadUse(name=use.name, options={**use.options, **(use.cost_options or {})})
