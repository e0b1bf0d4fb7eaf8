# SPDX-License-Identifier: Apache-2.0
"""A run from end to end: build, plan, target, compare, measure, judge, report."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from harness.benchmark import Benchmark
from harness.benchmark_file import find_benchmarks
from harness.build import BuiltPair, Compiler, build, find_compiler
from harness.checkout import Checkout
from harness.errors import HarnessError
from harness.evaluate import Facts, Runs, evaluate
from harness.judge import Status
from harness.plan import SHADOW, Rounds, write_job
from harness.progress import Progress
from harness.report import model
from harness.report.store import keep, new_run
from harness.result import BenchmarkResult, Result, read_result
from harness.targets import Target, do_job, open_target

#: What a job may take besides its benchmarks' own limits: loading, and getting ready on a slow guest.
OVERHEAD_S = 60.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run and where. ``names`` are benchmarks, none means all; ``cpu`` is the one that is driven on."""

    names: Sequence[str] = ()
    target: str = "vm"
    kernel: str | None = None
    mode: str = SHADOW
    seed: int = 1
    compiler: str = "clang"
    cpu: int = 0
    cost_rounds: int = 1
    json: Path | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """A run under way; ``folder`` takes its files."""

    options: RunOptions
    checkout: Checkout
    progress: Progress
    folder: Path
    commit: str
    compiler: Compiler


@dataclass(frozen=True, slots=True)
class _Came:
    """What came back from a target."""

    result: Result
    folder: Path
    timings: dict[str, float]

    def of(self, name: str) -> BenchmarkResult | None:
        """The part of one benchmark."""
        return next((one for one in self.result.benchmarks if one.name == name), None)


def run(options: RunOptions, checkout: Checkout, progress: Progress) -> tuple[model.Report, Path]:
    """Do a run and keep its report; gives the report and the folder it is kept in.

    Errors in benchmark files and a missing compiler are raised before anything is done; whatever goes wrong later is
    part of the report.
    """
    benchmarks = find_benchmarks(checkout, options.names)
    compiler = find_compiler(options.compiler)
    started = time.perf_counter()
    with new_run(checkout.reports) as folder:
        one = _Run(options, checkout, progress, folder, checkout.commit(), compiler)
        with progress.live():
            try:
                report = _do(one, benchmarks)
            except HarnessError as error:
                report = _report(one, [], failure=_failure(error))
        total = {"total": round(time.perf_counter() - started, 3)}
        report = report.model_copy(update={"timings": {**report.timings, **progress.timings, **total}})
        place = keep(report, folder, checkout.reports)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.to_json(), encoding="utf-8")
    return report, place


def _do(one: _Run, benchmarks: Sequence[Benchmark]) -> model.Report:
    target = _open(one)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Compiling takes about as long as a guest takes to wake up.
        building = pool.submit(_build, one, benchmarks)
        came = _on_target(one, target, building)
        pairs = building.result()
    with one.progress.step("compare", "comparing"):
        facts = _facts(one, came.result)
        parts = [
            evaluate(pair, Runs(came.folder, came.of(pair.benchmark.name)), facts, came.result.timings)
            for pair in pairs
        ]
    failure = model.Failure(**came.result.error.model_dump()) if came.result.error else None
    return _report(one, parts, failure=failure, came=came, vmlinux=pairs[0].vmlinux)


def _open(one: _Run) -> Target:
    with one.progress.step("kernel", "finding the kernel"):
        return open_target(
            one.options.target, kernel=one.options.kernel, say=lambda line: one.progress.detail("kernel", line)
        )


def _build(one: _Run, benchmarks: Sequence[Benchmark]) -> list[BuiltPair]:
    with one.progress.step("build", f"compiling {_count(len(benchmarks), 'pair')} with {one.compiler.name}"):
        return build(benchmarks, one.checkout, one.folder / "objects", one.compiler)


def _on_target(one: _Run, target: Target, building: Future[list[BuiltPair]]) -> _Came:
    """Start the target, run the job there and fetch what it left."""
    folder, job = one.folder / "out", one.folder / "job"
    with one.progress.step("target", f"running on {target.name}"):
        one.progress.detail("target", f"starting {target.name}")
        with target:
            pairs = building.result()
            rounds = Rounds(one.options.mode, one.options.cost_rounds)
            write_job(job, pairs, one.checkout, seed=one.options.seed, cpu=one.options.cpu, rounds=rounds)
            limit = OVERHEAD_S + sum(_limit(pair, rounds) for pair in pairs)
            do_job(
                target,
                job,
                folder,
                time_limit_s=limit,
                on_step=lambda step: one.progress.detail("target", f"{target.name}: {step}"),
            )
    timings = {f"target_{step}": seconds for step, seconds in target.timings.items()}
    return _Came(read_result(folder), folder, timings)


def _limit(pair: BuiltPair, rounds: Rounds) -> float:
    phases = 1 + 2 * rounds.cost_rounds * len(pair.sides)
    return float(pair.benchmark.time_limit_s * phases)


def _facts(one: _Run, result: Result) -> Facts:
    kernel = result.kernel.release if result.kernel else "unknown"
    return Facts(kernel, one.options.target, one.options.seed, one.commit, one.options.mode)


def _report(
    one: _Run,
    parts: list[model.BenchmarkReport],
    *,
    failure: model.Failure | None,
    came: _Came | None = None,
    vmlinux: str = "",
) -> model.Report:
    holds = bool(parts) and all(part.ok for part in parts)
    status = Status.CANNOT_RUN if failure or not parts else Status.HOLDS if holds else Status.DIFFERS
    return model.Report(
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=one.commit,
        target=one.options.target,
        compiler=one.compiler.version,
        seed=one.options.seed,
        status=int(status),
        machine=_machine(came, vmlinux),
        benchmarks=parts,
        timings=came.timings if came else {},
        error=failure,
    )


def _machine(came: _Came | None, vmlinux: str) -> model.Machine:
    kernel = came.result.kernel if came else None
    return model.Machine(
        kernel=kernel.release if kernel else "",
        kernel_version=kernel.version if kernel else "",
        cpus=kernel.cpus if kernel else None,
        agent=came.result.agent if came else {},
        host_python=platform.python_version(),
        host_kernel=os.uname().release,
        vmlinux=vmlinux,
    )


def _failure(error: HarnessError) -> model.Failure:
    step = getattr(error, "step", "") or {"BuildError": "build"}.get(type(error).__name__, "run")
    message = error.message + (f" (hint: {error.hint})" if error.hint else "")
    return model.Failure(step=step, message=message, log=error.details or None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
