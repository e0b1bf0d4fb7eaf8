# SPDX-License-Identifier: Apache-2.0
"""A run from end to end: build, plan, target, compare, measure, judge, report."""

from __future__ import annotations

import difflib
import os
import platform
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from types import MappingProxyType

from harness.benchmark import Benchmark
from harness.benchmark_file import find_benchmarks
from harness.build import BuiltPair, Compiler, build, find_compiler
from harness.checkout import Checkout
from harness.errors import BuildError, HarnessError, PairError
from harness.evaluate import Facts, Runs, evaluate, handlers, refused
from harness.jobs import Background, Came, Job, do
from harness.judge import Status
from harness.lint import lint
from harness.measure.gather import KERNEL_METRICS
from harness.objects import ObjectError, read_object
from harness.plan import SHADOW, Rounds
from harness.progress import Progress
from harness.report import model
from harness.report.baseline import held_against, read_baseline
from harness.report.history import with_history
from harness.report.store import keep, new_run
from harness.result import Result
from harness.simulate import simulate
from harness.targets import TARGETS, Target, open_target

#: The target that is none: the objects are simulated.
SIM = "sim"
#: What ``--target`` takes.
KNOWN_TARGETS = {**TARGETS, SIM: "no kernel at all: the objects are simulated, on any operating system"}
#: What the second guest is called in progress and timings.
COUNTING = "vm-counting"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run and where. ``names`` are benchmarks, none means all; ``cpu`` is the one that is driven on.

    ``guest_insns`` asks for a second guest that counts instructions, where the target is a virtual machine.
    ``json`` is written besides the reports, which go to ``reports`` (default: the checkout's).
    """

    names: Sequence[str] = ()
    target: str = "vm"
    kernel: str | None = None
    mode: str = SHADOW
    seed: int = 1
    compiler: str = "clang"
    cpu: int = 0
    cost_blocks: int = 1
    guest_insns: bool = True
    json: Path | None = None
    reports: Path | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """A run under way; ``folder`` takes its files."""

    options: RunOptions
    checkout: Checkout
    progress: Progress
    folder: Path
    commit: str
    compiler: Compiler

    @property
    def rounds(self) -> Rounds:
        """The phases of the main job."""
        return Rounds(self.options.mode, self.options.cost_blocks)


def run(options: RunOptions, checkout: Checkout, progress: Progress) -> tuple[model.Report, Path]:
    """Do a run and keep its report; gives the report and the folder it is kept in.

    Errors in benchmark files and a missing compiler are raised before anything is done; whatever goes wrong later is
    part of the report.
    """
    benchmarks = find_benchmarks(checkout, options.names)
    _known_target(options.target)
    compiler = find_compiler(options.compiler)
    started = time.perf_counter()
    reports = options.reports or checkout.reports
    with new_run(reports) as folder:
        one = _Run(options, checkout, progress, folder, checkout.commit(), compiler)
        with progress.live():
            try:
                report = _do(one, benchmarks)
            except HarnessError as error:
                report = _report(one, [], failure=_failure(error))
        total = {"total": round(time.perf_counter() - started, 3)}
        report = report.model_copy(update={"timings": {**report.timings, **progress.timings, **total}})
        report = with_history(report, reports)
        place = keep(report, folder, reports)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.to_json(), encoding="utf-8")
    return report, place


def _known_target(name: str) -> None:
    if name.partition(":")[0] not in KNOWN_TARGETS:
        close = difflib.get_close_matches(name, KNOWN_TARGETS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(KNOWN_TARGETS)}"
        raise HarnessError(f"there is no target {name!r}", hint=hint)


def _do(one: _Run, benchmarks: Sequence[Benchmark]) -> model.Report:
    unfair: dict[str, model.Failure] = {}
    # Compiling takes about as long as a guest takes to wake up, so the target starts meanwhile.
    with ThreadPoolExecutor(max_workers=1) as pool:
        building = pool.submit(_build, one, benchmarks, unfair)
        with _counting(one, building) as counting:
            came = _on_target(one, building)
            counted, reasons = _counted(one, counting)
        pairs = building.result()
    with one.progress.step("compare", "comparing"):
        facts = _facts(one, came.result)
        parts = [
            evaluate(pair, _runs(pair.benchmark.name, came, counted, reasons), facts, came.result.timings)
            for pair in pairs
        ]
        parts += [
            refused(benchmark, unfair[benchmark.name], facts) for benchmark in benchmarks if benchmark.name in unfair
        ]
        baseline = read_baseline(one.checkout.reports)
        parts = [held_against(baseline, part) for part in parts]
    failure = model.Failure(**came.result.error.model_dump()) if came.result.error else None
    timings = {**came.timings, **(counted.timings if counted else {})}
    return _report(one, parts, failure=failure, came=came, vmlinux=pairs[0].vmlinux, timings=timings)


def _on_target(one: _Run, building: Future[list[BuiltPair]]) -> Came:
    """The main job, on the target or without one."""
    if one.options.target == SIM:
        return simulate(building.result(), one.folder / "out", one.options.seed, one.progress)
    return do(_job(one, one.options.target, building, one.rounds), partial(_open, one), one.progress)


def _runs(name: str, came: Came, counted: Came | None, reasons: Mapping[str, str]) -> Runs:
    return Runs(
        folder=came.folder,
        result=came.of(name),
        counted=counted.of(name) if counted else None,
        empty=came.empty(name),
        counted_empty=counted.empty(name) if counted else None,
        reasons=reasons,
    )


def _build(one: _Run, benchmarks: Sequence[Benchmark], unfair: dict[str, model.Failure]) -> list[BuiltPair]:
    """Compile all pairs; those that are unfair are not run, but told about in ``unfair``."""
    with one.progress.step("build", f"compiling {_count(len(benchmarks), 'pair')} with {one.compiler.name}"):
        pairs = build(benchmarks, one.checkout, one.folder / "objects", one.compiler)
    for pair in pairs:
        try:
            objects = {name: read_object(side.object) for name, side in pair.sides.items()}
            found = lint(pair.benchmark, objects, handlers(pair.benchmark, objects))
        except ObjectError as error:
            raise BuildError(f"{pair.benchmark.name}: {Path(error.path).name}: {error.message}") from error
        if found:
            texts = "\n".join(one.text for one in found)
            message = "the sides are not alike in shape; declare under [[differences]] what is meant to differ"
            unfair[pair.benchmark.name] = model.Failure(step="pair lint", message=message, log=texts)
    fair = [pair for pair in pairs if pair.benchmark.name not in unfair]
    if not fair:
        first = next(iter(unfair.values()))
        raise PairError(first.message, details="\n".join(failure.log or "" for failure in unfair.values()))
    return fair


def _job(one: _Run, name: str, building: Future[list[BuiltPair]], rounds: Rounds, folder: str = "") -> Job:
    options = one.options
    return Job(name, building, rounds, one.checkout, one.folder / folder, options.seed, options.cpu)


def _open(one: _Run, *, icount: bool = False) -> Target:
    name = COUNTING if icount else one.options.target
    return open_target(
        one.options.target,
        kernel=one.options.kernel,
        icount=icount,
        say=lambda line: one.progress.detail(name, f"{name}: {line}"),
    )


def _counting(one: _Run, building: Future[list[BuiltPair]]) -> AbstractContextManager[Background | None]:
    """A second guest beside the first, in which time is a count of instructions; nothing where there cannot be one."""
    if one.options.target != "vm" or not one.options.guest_insns:
        return nullcontext()
    job = _job(one, COUNTING, building, Rounds(parity="", mirrored=False), "counting")
    return Background(job, partial(_open, one, icount=True), one.progress)


def _counted(one: _Run, counting: Background | None) -> tuple[Came | None, dict[str, str]]:
    """What came of counting, or why nothing did: that is no reason for a run to fail."""
    metric = "guest_insns_per_event"
    if counting is None and one.options.target == SIM:
        return None, dict.fromkeys((*KERNEL_METRICS, metric, "ns_per_event"), "there is no kernel in a simulation")
    if counting is None:
        return None, {metric: "instructions of a guest are counted with --target vm only"}
    try:
        return counting.result(), {}
    except HarnessError as error:
        return None, {metric: f"the counting guest did not come to a result: {error.message}"}


def _facts(one: _Run, result: Result) -> Facts:
    kernel = result.kernel.release if result.kernel else "unknown"
    return Facts(kernel, one.options.target, one.options.seed, one.commit, one.options.mode, one.checkout.root)


def _report(
    one: _Run,
    parts: list[model.BenchmarkReport],
    *,
    failure: model.Failure | None,
    came: Came | None = None,
    vmlinux: str = "",
    timings: Mapping[str, float] = MappingProxyType({}),
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
        timings=dict(timings),
        error=failure,
    )


def _machine(came: Came | None, vmlinux: str) -> model.Machine:
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


_STEPS = {BuildError: "build", PairError: "pair lint"}


def _failure(error: HarnessError) -> model.Failure:
    step = getattr(error, "step", "") or _STEPS.get(type(error), "run")
    message = error.message.removeprefix(f"{step}: ") + (f" (hint: {error.hint})" if error.hint else "")
    return model.Failure(step=step, message=message, log=error.details or None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
