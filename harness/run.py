# SPDX-License-Identifier: Apache-2.0
"""A run from end to end: prepare, execute, compare, measure, judge, report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.benchmark import Benchmark
from harness.benchmark_file import benchmark_paths, find_benchmarks
from harness.build import find_compiler
from harness.bundle import Manifest, files_of, write_bundle
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.errors import HarnessError
from harness.evaluate import Facts, evaluate, refused
from harness.execute import VM, Where, execute
from harness.prepare import SAID, Prepared, prepare
from harness.progress import Progress
from harness.report import model
from harness.report.baseline import held_against, read_baseline
from harness.report.history import with_history
from harness.report.store import keep, new_run
from harness.report.whole import Head, failure_of, whole_report
from harness.targets.qemu import qemu_version
from harness.two_objects import TwoObjects, benchmark_of
from harness.whole_file import write_whole

#: With less room than this for a run's files, whatever went wrong is most likely due to that.
_ROOM_KB = 1024


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run and where. ``names`` are benchmarks, none means all, unless there are ``two`` finished objects.

    ``compiler`` is for all sides. ``ablation`` asks for what each pass of the compiler saves,
    ``compile_rounds`` for so many compilations to take the time of.
    ``json`` is written besides the reports, which go to ``reports`` (default: the checkout's); ``bundle`` is packed
    from all of it.
    """

    where: Where
    names: Sequence[str] = ()
    two: TwoObjects | None = None
    compiler: str = "clang"
    ablation: bool = False
    compile_rounds: int = 0
    json: Path | None = None
    reports: Path | None = None
    bundle: Path | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A report and the folder it is kept in."""

    report: model.Report
    place: Path


def run(options: RunOptions, checkout: Checkout, progress: Progress) -> Kept:
    """Do a run and keep its report.

    Errors in benchmark files and a missing compiler are raised before anything is done; whatever goes wrong later is
    part of the report.
    """
    if options.bundle is not None and options.two is not None:
        raise HarnessError("a bundle is made of benchmarks, not of two finished objects")
    benchmarks = [benchmark_of(options.two, checkout)] if options.two else find_benchmarks(checkout, options.names)
    options.where.check_here()
    compiler = find_compiler(options.compiler)

    def preparing(folder: Path, cancellation: Cancellation) -> Prepared:
        with progress.step("build", f"compiling {_count(len(benchmarks), 'pair')} with {compiler.name}"):
            return prepare(
                benchmarks,
                checkout,
                folder / "objects",
                compiler,
                cancellation,
                ablation=options.ablation,
                compile_rounds=options.compile_rounds,
            )

    kept = run_prepared(Undertaking(options, benchmarks, preparing, compiler.version, checkout, progress))
    if options.bundle is not None:
        paths = benchmark_paths(checkout, options.names)
        names = tuple(checkout.relative(path) for path in paths)
        manifest = Manifest(benchmarks=names, **asdict(options.where))
        write_bundle(options.bundle, manifest, kept.place, files_of(checkout, paths))
    return kept


@dataclass(frozen=True, slots=True)
class Undertaking:
    """A run about to be done. ``preparing`` is called with its folder, while the target starts.

    ``sources`` is where the names of sources start from (default: the checkout).
    """

    options: RunOptions
    benchmarks: Sequence[Benchmark]
    preparing: Callable[[Path, Cancellation], Prepared]
    compiler: str
    checkout: Checkout
    progress: Progress
    sources: Path | None = None

    @property
    def of_the_checkout(self) -> bool:
        """Whether the checkout's own pairs are run, whose figures the baseline has."""
        return self.options.two is None and self.sources is None

    @property
    def head(self) -> Head:
        """What its report says whatever comes of it."""
        where = self.options.where
        return Head(self.checkout.commit(), where.kind, self.compiler, where.seed, _tools(where.kind))


def _tools(target: str) -> dict[str, str]:
    """Versions of what makes the target; where it is not installed, starting the target says so."""
    if target != VM:
        return {}
    try:
        return {"qemu": qemu_version()}
    except HarnessError:
        return {}


def run_prepared(one: Undertaking) -> Kept:
    """Do a run and keep its report; what goes wrong is part of the report."""
    started = time.perf_counter()
    reports = one.options.reports or one.checkout.reports
    head = one.head
    with new_run(reports) as folder:
        with one.progress.live():
            try:
                report = _do(one, head, folder)
            except HarnessError as error:
                error.hint = _no_room(folder) or error.hint
                report = whole_report(head, [], failure=failure_of(error))
        total = {"total": round(time.perf_counter() - started, 3)}
        report = report.model_copy(update={"timings": {**report.timings, **one.progress.timings, **total}})
        return put_away(report, folder, reports, one.options.json)


def put_away(report: model.Report, folder: Path, reports: Path, json: Path | None) -> Kept:
    """Keep a run's report, which gets its history, with the run's ``folder``; ``json`` is a copy for somebody else."""
    report = with_history(report, reports)
    place = keep(report, folder, reports)
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        write_whole(json, report.to_json())
    return Kept(report, place)


def _no_room(folder: Path) -> str:
    """That the disk is full, where it is: compilers and others do not say so, they crash or leave half a file."""
    free_kb = shutil.disk_usage(folder).free >> 10
    return f"no space left on device: {free_kb} kB are free where reports are kept" if free_kb < _ROOM_KB else ""


def _do(one: Undertaking, head: Head, folder: Path) -> model.Report:
    where = one.options.where
    # Compiling takes about as long as a guest takes to wake up, so the target starts meanwhile.
    with ThreadPoolExecutor(max_workers=1) as pool:
        cancellation = Cancellation()
        future = pool.submit(one.preparing, folder, cancellation)
        outcome = execute(where, future, cancellation, checkout=one.checkout, folder=folder, progress=one.progress)
        prepared = future.result()
    result = outcome.came.result
    with one.progress.step("compare", "comparing"):
        kernel = result.kernel.release if result.kernel else "unknown"
        facts = Facts(kernel, where.kind, where.seed, head.commit, where.mode, one.sources or one.checkout.root)
        parts = [
            evaluate(pair, outcome.of(name), facts, result.timings, prepared.variants.get(name))
            for pair in prepared.pairs
            for name in (pair.benchmark.name,)
        ]
        parts += [
            refused(benchmark, model.Failure(step="pair lint", message=SAID, log=words), facts)
            for benchmark in one.benchmarks
            if (words := prepared.unfair.get(benchmark.name))
        ]
        if one.of_the_checkout:
            baseline = read_baseline(one.checkout.reports)
            parts = [held_against(baseline, part) for part in parts]
    return whole_report(head, parts, result=result, vmlinux=prepared.pairs[0].vmlinux, timings=outcome.timings)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
