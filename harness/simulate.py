# SPDX-License-Identifier: Apache-2.0
"""Runs the objects without a kernel: exact instruction counts for every run, and whole runs for ``--target sim``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from harness.benchmark import Benchmark, C, WorkloadUse
from harness.build import BuiltPair
from harness.errors import RunError
from harness.jobs import Came
from harness.measure.gather import ExactCost
from harness.objects import BpfObject, Btf, ObjectError, read_btf, read_object
from harness.objects.btf import VMLINUX
from harness.plan import SHADOW, cost_workload
from harness.progress import Progress
from harness.result import AgentError, BenchmarkResult, KernelFacts, MapFile, Phase, Result
from harness.sim import Machine, SimulationError
from harness.sim_events import run_events, write_streams
from workloads.base import WorkloadError
from workloads.events import Event, write_events
from workloads.registry import get as get_workload

#: What the kernel is called where there is none.
KERNEL = "simulated"


#: What programs executed on the events of the cost rounds, by side and program.
Executed = Mapping[str, Mapping[str, ExactCost]]


def count_executed(benchmark: Benchmark, objects: Mapping[str, BpfObject], seed: int) -> Executed:
    """Count the eBPF instructions that each side executes on the planned events of the cost rounds.

    Raises :class:`RunError` where a program needs what the simulator does not have.
    """
    events = _planned(cost_workload(benchmark), seed)
    counts: dict[str, dict[str, ExactCost]] = {}
    for side, obj in objects.items():
        machine = _machine(obj, objects)
        run_events(machine, benchmark, events, side)
        profiles = {name: machine.profile(name) for name in machine.programs}
        counts[side] = {
            name: ExactCost(profile.insns, profile.runs, profile.executed_by_slot())
            for name, profile in profiles.items()
        }
    return counts


def simulate(pairs: Sequence[BuiltPair], folder: Path, seed: int, progress: Progress) -> Came:
    """What a target would bring back, from simulated machines instead of a kernel."""
    started = time.perf_counter()
    results = []
    with progress.step("sim", "simulating"):
        for pair in pairs:
            progress.detail("sim", f"simulating {pair.benchmark.name}")
            results.append(_simulate(pair, folder, seed))
    result = Result(schema=1, kernel=KernelFacts(release=KERNEL, machine="bpf"), benchmarks=tuple(results))
    return Came(result, folder, {"sim_run": round(time.perf_counter() - started, 3)})


def _simulate(pair: BuiltPair, folder: Path, seed: int) -> BenchmarkResult:
    benchmark = pair.benchmark
    try:
        objects = {name: read_object(side.object) for name, side in pair.sides.items()}
        events = _planned(benchmark.workload, seed)
        machines = {side: _machine(obj, objects) for side, obj in objects.items()}
        start_ns = machines[C].now
        streams = {side: run_events(machine, benchmark, events, side) for side, machine in machines.items()}
    except (RunError, ObjectError) as error:
        return BenchmarkResult(name=benchmark.name, error=AgentError(step="simulate", message=str(error)))
    place = folder / benchmark.name / SHADOW
    place.mkdir(parents=True, exist_ok=True)
    write_events(place / "events.jsonl.gz", events)
    phase = Phase(
        kind=SHADOW,
        start_ns=start_ns,
        end_ns=machines[C].now,
        events=f"{benchmark.name}/{SHADOW}/events.jsonl.gz",
        pids=tuple(sorted({number for event in events for number in (event.pid, event.tid)})),
        maps={side: dict(_dump(machine, folder, place / side)) for side, machine in machines.items()},
        streams={side: write_streams(found, folder, place / side) for side, found in streams.items()},
    )
    return BenchmarkResult(name=benchmark.name, phases=(phase,))


def _dump(machine: Machine, folder: Path, place: Path) -> Iterator[tuple[str, MapFile]]:
    place.mkdir(parents=True, exist_ok=True)
    for name, definition in machine.object.declared_maps.items():
        streamed = definition.key_size == 0
        entries = [] if streamed else list(machine.maps[name].items())
        path = place / f"{name}.bin"
        path.write_bytes(b"".join(key + value for key, value in entries))
        yield (
            name,
            MapFile(
                file=None if streamed else path.relative_to(folder).as_posix(),
                type=definition.type,
                key_size=definition.key_size,
                value_size=definition.value_size,
                value_bytes=len(entries[0][1]) if entries else None,
                max_entries=definition.max_entries,
                entries=len(entries),
            ),
        )


def _planned(use: WorkloadUse, seed: int) -> list[Event]:
    try:
        return list(get_workload(use.name).plan(seed, use.options).events())
    except WorkloadError as error:
        raise RunError(f"workload {use.name}: {error}") from error


def _machine(obj: BpfObject, objects: Mapping[str, BpfObject]) -> Machine:
    """A machine whose kernel has the types of this machine's, else those that C was compiled with."""
    try:
        return Machine(obj, target_btf=_kernel_types() or objects[C].btf)
    except (SimulationError, ObjectError) as error:
        raise RunError(f"it cannot be simulated: {error}") from error


@cache
def _kernel_types() -> Btf | None:
    return read_btf(VMLINUX) if VMLINUX.exists() else None
