# SPDX-License-Identifier: Apache-2.0
"""The job folder: all that a target needs, and nothing else of the checkout. Described in docs/design.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.benchmark import Benchmark, C, WorkloadUse
from harness.build import BuiltPair
from harness.checkout import Checkout
from harness.needs import needs_of
from harness.objects import BpfObject, read_object
from harness.watching import watch_and_presets

JOB_SCHEMA = 1
#: What runs on the target, as paths below the checkout. The agent imports nothing else of the project.
SHIPPED = ("harness/__init__.py", "harness/agent", "workloads")

SHADOW = "shadow"
SOLO = "solo"
COUNTERS = "counters"
EMPTY_SIDE = "empty"


@dataclass(frozen=True, slots=True)
class Rounds:
    """Which phases a job has.

    ``parity`` drives the pair's traffic with all sides attached (``shadow``) or one after the other (``solo``);
    "" leaves it out. In each of the ``cost_blocks`` all sides are loaded afresh, because where a program comes to lie
    in memory is part of its cost, and run alone; ``mirrored`` ones twice, in the order A B B A, every other block
    B A A B, so that neither a drift of the machine nor the order favours a side. ``counting`` takes the workload for
    guests that count instructions; ``counters`` adds to each block, after its rounds, one a side in which the CPU's
    hardware counters are read.
    """

    parity: str = SHADOW
    cost_blocks: int = 1
    mirrored: bool = True
    counting: bool = False
    counters: bool = False

    def phases(self, sides: int) -> int:
        """How many phases a benchmark with so many sides has, those of the empty program included."""
        parity = {SHADOW: 1, SOLO: sides}.get(self.parity, 0)
        rounds = (2 if self.mirrored else 1) + (1 if self.counters else 0)
        return parity + self.cost_blocks * (sides * rounds + (2 if self.counters else 1))


#: What entries of a job are called besides the benchmark's own: its cost blocks, and its empty program.
COST = "-cost-"
EMPTY = "-empty"


def write_job(
    folder: Path, pairs: Sequence[BuiltPair], checkout: Checkout, *, seed: int, cpu: int | None, rounds: Rounds
) -> dict[str, Any]:
    """Make the job folder; gives the job document."""
    ship_agent(checkout, folder)
    for pair in pairs:
        for side in (*pair.sides.values(), *(pair.variants.values() if rounds.counting else ())):
            place = folder / _object(pair.benchmark, side.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(side.object, place)
        shutil.copyfile(pair.empty, folder / _object(pair.benchmark, EMPTY_SIDE))
    job = {
        "schema": JOB_SCHEMA,
        "seed": seed,
        "cpu": cpu,
        "benchmarks": [entry for pair in pairs for entry in _entries(pair, rounds)],
    }
    (folder / "job.json").write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")
    return job


def ship_agent(checkout: Checkout, folder: Path) -> None:
    """Copy what runs on the target into a job folder."""
    for shipped in SHIPPED:
        _copy(checkout.root / shipped, folder / shipped)


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, place)


def _object(benchmark: Benchmark, side: str) -> str:
    return f"objects/{benchmark.name}/{side}.bpf.o"


def _entries(pair: BuiltPair, rounds: Rounds) -> list[dict[str, Any]]:
    """A benchmark's entries: its parity, its cost blocks, its empty program."""
    benchmark = pair.benchmark
    obj = read_object(pair.sides[C].object)
    sides = list(benchmark.sources)
    counted = [*sides, *pair.variants] if rounds.counting else sides
    needs = needs_of({name: read_object(side.object) for name, side in pair.sides.items()}, benchmark.requires)
    entries: list[dict[str, Any]] = []
    if rounds.parity == SHADOW:
        entries.append(_entry(benchmark, obj, benchmark.name, sides, [{"kind": SHADOW}]))
    elif rounds.parity == SOLO:
        phases = [{"kind": SOLO, "side": side, "round": 0, "dump": True} for side in sides]
        entries.append(_entry(benchmark, obj, benchmark.name, sides, phases))
    use = count_workload(benchmark) if rounds.counting else cost_workload(benchmark)
    for block in range(1, rounds.cost_blocks + 1):
        order = counted if block % 2 else counted[::-1]
        phases = _cost_phases(use, [*order, *order[::-1]] if rounds.mirrored else order)
        phases += _cost_phases(use, order, COUNTERS) if rounds.counters else []
        entries.append(_entry(benchmark, obj, f"{benchmark.name}{COST}{block}", counted, phases))
    if rounds.cost_blocks:
        # An empty program counts the same each time; a time wants as many rounds as what it is taken off.
        times = min(rounds.cost_blocks, 2) if rounds.counting else rounds.cost_blocks
        phases = _cost_phases(use, [EMPTY_SIDE] * times)
        phases += _cost_phases(use, [EMPTY_SIDE] * rounds.cost_blocks, COUNTERS) if rounds.counters else []
        entries.append(_entry(benchmark, obj, f"{benchmark.name}{EMPTY}", [EMPTY_SIDE], phases))
    return [{**entry, "needs": needs} for entry in entries]


def _entry(
    benchmark: Benchmark, obj: BpfObject, name: str, sides: Sequence[str], phases: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    entry = {
        "name": name,
        "sides": [{"name": side, "object": _object(benchmark, side)} for side in sides],
        "workload": {"name": benchmark.workload.name, "options": benchmark.workload.options},
        "phases": list(phases),
        "time_limit_s": benchmark.time_limit_s,
    }
    return {**entry, **watch_and_presets(benchmark, obj)}


def _cost_phases(use: WorkloadUse, order: Sequence[str], kind: str = SOLO) -> list[dict[str, Any]]:
    workload = {"name": use.name, "options": use.options}
    return [
        {"kind": kind, "side": side, "round": number, "workload": workload}
        for number, side in enumerate(order, start=1)
    ]


def cost_workload(benchmark: Benchmark) -> WorkloadUse:
    """The workload of cost rounds."""
    use = benchmark.workload
    return WorkloadUse(name=use.name, options={**use.options, **(use.cost_options or {})})


def count_workload(benchmark: Benchmark) -> WorkloadUse:
    """The workload of cost rounds in a guest that counts instructions."""
    use = cost_workload(benchmark)
    return use.model_copy(update={"options": {**use.options, **(benchmark.workload.count_options or {})}})
