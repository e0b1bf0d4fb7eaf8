# SPDX-License-Identifier: Apache-2.0
"""The agent's main course: from ``job.json`` to ``result.json``, with everything given back at the end."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.agent.bcc_binding import Bcc, find_bcc
from harness.agent.counted import counted
from harness.agent.errors import AgentError, Interrupted
from harness.agent.job import Benchmark, Job, Phase, read_job
from harness.agent.libbpf import Libbpf
from harness.agent.load import LoadedSide, load_side
from harness.agent.maps import possible_cpus
from harness.agent.mounts import kernel_file_systems
from harness.agent.phases import Tools, shadow, solo
from harness.agent.pins import pin_folder
from harness.agent.probe import lacking
from harness.agent.release import interruptible, time_limit
from harness.agent.workload import Driver

SCHEMA = 1


@dataclass
class Progress:
    """Says on standard error which step begins, and keeps how long each took (seconds, steps of one name summed)."""

    timings: dict[str, float] = field(default_factory=dict)
    now: str = ""

    @contextmanager
    def step(self, name: str, detail: str = "") -> Iterator[None]:
        """A step: its name is the key under ``timings``."""
        self.now = f"{name} {detail}".rstrip()
        print(f"step {self.now}", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class _Course:
    """What a job is done with."""

    job: Job
    folder: Path
    out: Path
    library: Libbpf
    bcc: Bcc | None
    progress: Progress


def run_job(job_folder: Path, out: Path) -> int:
    """Do the job in ``job_folder``, write ``result.json`` and its files into ``out``; 0 when there was no error."""
    progress = Progress()
    result: dict[str, Any] = {"schema": SCHEMA, "benchmarks": [], "error": None}
    out.mkdir(parents=True, exist_ok=True)
    status = 0
    try:
        with interruptible(), ExitStack() as release:
            with progress.step("prepare"):
                job = read_job(job_folder)
                _need_root()
                _lift_memory_limit()
                cpu = _stay_on(job.cpu)
                release.enter_context(kernel_file_systems())
                course = _Course(job, job_folder, out, Libbpf(), find_bcc(), progress)
            result |= {"kernel": _kernel(cpu), "agent": _agent(course)}
            for benchmark in job.benchmarks:
                _benchmark(course, benchmark, result["benchmarks"])
    except AgentError as problem:
        result["error"] = problem.document()
    except Interrupted as signal_name:
        result["error"] = {"step": "run", "message": f"stopped by {signal_name}"}
        status = 130
    if status == 0 and (result["error"] or any(entry["error"] for entry in result["benchmarks"])):
        status = 1
    result["timings"] = {name: round(seconds, 4) for name, seconds in progress.timings.items()}
    part = out / "result.json.part"
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(out / "result.json")
    print("step done", file=sys.stderr, flush=True)
    return status


def _benchmark(course: _Course, benchmark: Benchmark, results: list[dict[str, Any]]) -> None:
    """Do one benchmark; an error ends it, not the others."""
    entry: dict[str, Any] = {"name": benchmark.name, "programs": {}, "phases": [], "error": None}
    results.append(entry)
    try:
        with ExitStack() as release:
            _need_features(course, benchmark)
            sides = _load(course, benchmark, release)
            for side in sides:
                entry["programs"][side.name] = {name: size.document() for name, size in side.sizes.items()}
            for phase in benchmark.phases:
                with time_limit(benchmark.time_limit_s, f"{benchmark.name} {phase.kind}"):
                    entry["phases"].append(_phase(course, benchmark, phase, sides))
    except AgentError as problem:
        entry["error"] = problem.document()
    except OSError as problem:
        where = f": {problem.filename}" if problem.filename else ""
        entry["error"] = AgentError(course.progress.now, f"{problem.strerror or problem}{where}").document()


def _need_features(course: _Course, benchmark: Benchmark) -> None:
    """Say what this kernel lacks, all of it, before anything is loaded."""
    with course.progress.step("probe", benchmark.name):
        lacks = lacking(benchmark.needs)
    if lacks:
        raise AgentError("features", f"kernel {os.uname().release} lacks {'; '.join(map(str, lacks))}")


def _load(course: _Course, benchmark: Benchmark, release: ExitStack) -> list[LoadedSide]:
    cpus = possible_cpus()
    sides = []
    for side in benchmark.sides:
        with course.progress.step("load", f"{benchmark.name} {side.name}"):
            pins = release.enter_context(pin_folder(benchmark.name, side.name))
            path = course.folder / side.object
            loaded = load_side(course.library, side.name, path, pin_root=str(pins), cpus=cpus)
            release.callback(loaded.close)
            sides.append(loaded)
    return sides


def _phase(course: _Course, benchmark: Benchmark, phase: Phase, sides: list[LoadedSide]) -> dict[str, Any]:
    progress = course.progress
    folder = _phase_folder(course.out, benchmark, phase)
    tools = Tools(course.library, course.bcc, folder, course.out, benchmark.watch, benchmark.presets)
    tools.out.mkdir(parents=True, exist_ok=True)
    use = phase.workload or benchmark.workload

    def plan() -> Driver:
        with progress.step("plan", f"{benchmark.name} {use.name if use else ''}"):
            return Driver(use, course.job.seed, benchmark.time_limit_s)

    if phase.kind == "shadow":
        driver = plan()
        with progress.step("shadow", benchmark.name):
            return shadow(tools, sides, driver)
    chosen = next(side for side in sides if side.name == phase.side)
    if phase.kind == "solo":
        driver = plan()
        with progress.step("solo", f"{benchmark.name} {phase.side} {phase.round}"):
            return solo(tools, chosen, driver, phase)
    if phase.kind == "counters":
        with progress.step("counters", f"{benchmark.name} {phase.side} {phase.round}"):
            return counted(tools, chosen, plan, phase)
    raise AgentError(phase.kind, "this agent does not know the phase")


def _phase_folder(out: Path, benchmark: Benchmark, phase: Phase) -> Path:
    """A folder for the phase's files; the second of the same name gets a number."""
    name = phase.kind if phase.kind == "shadow" else f"{phase.kind}-{phase.side}-{phase.round}"
    folder = out / benchmark.name / name
    number = 2
    while folder.exists():
        folder = out / benchmark.name / f"{name}-{number}"
        number += 1
    return folder


def _need_root() -> None:
    if os.geteuid() != 0:
        raise AgentError("prepare", "loading eBPF programs needs root")


def _lift_memory_limit() -> None:
    """Before kernel 5.11 maps and programs count against the limit on locked memory."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _stay_on(cpu: int | None) -> int:
    """Pin this process, and so the drivers it starts, to ``cpu``, or to the first CPU it may use.

    Raises :class:`AgentError` for a CPU that it may not use.
    """
    allowed = os.sched_getaffinity(0)
    chosen = min(allowed) if cpu is None else cpu
    if chosen not in allowed:
        usable = ", ".join(map(str, sorted(allowed)))
        raise AgentError("prepare", f"there is no CPU {cpu} that may be used; there are {usable}")
    os.sched_setaffinity(0, {chosen})
    return chosen


def _kernel(cpu: int) -> dict[str, Any]:
    uname = os.uname()
    return {
        "release": uname.release,
        "version": uname.version,
        "machine": uname.machine,
        "btf": Path("/sys/kernel/btf/vmlinux").exists(),
        "cpus": os.cpu_count() or 1,
        "possible_cpus": possible_cpus(),
        "cpu": cpu,
    }


def _agent(course: _Course) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "libbpf": course.library.version(),
        "bcc": course.bcc.version if course.bcc is not None else None,
    }
