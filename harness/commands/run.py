# SPDX-License-Identifier: Apache-2.0
"""``harness run``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from harness.checkout import Checkout, find_checkout
from harness.commands import run_options
from harness.errors import HarnessError
from harness.execute import VM, Where
from harness.matrix import Matrix, cells, joined
from harness.progress import Progress
from harness.report.cells import compiler_notes
from harness.report.store import new_run
from harness.report.terminal import make_console, show, show_verdict
from harness.report.whole import Head, whole_report
from harness.run import Kept, RunOptions, put_away, run
from harness.two_objects import TwoObjects


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness run`` takes."""
    parser.description = (
        "Compiles all sides of each benchmark, drives the same events through them on a target's kernel, compares "
        "their maps with each other and with the oracle, and writes reports/latest. Exit status 0 exactly if all holds."
    )
    run_options.add(parser)


def main(given: argparse.Namespace) -> int:
    """Do the run, show the report; gives the exit status."""
    if given.shard and not given.matrix:
        raise HarnessError("--shard is a part of a matrix", hint="add --matrix, as in --matrix kernels=5.10,6.1")
    checkout = find_checkout()
    progress = Progress(make_console(stderr=True), quiet=given.quiet)
    kept = _matrix(given, checkout, progress) if given.matrix else run(_options(given), checkout, progress)
    console = make_console()
    if given.quiet:
        show_verdict(kept.report, console)
    else:
        show(kept.report, console)
        place = kept.place
        shown = place.relative_to(checkout.root) if place.is_relative_to(checkout.root) else place
        console.print(f"{shown}/report.html, report.md, report.json, junit.xml", style="dim", markup=False)
    return kept.report.status


def _options(given: argparse.Namespace) -> RunOptions:
    where = Where(
        target=given.target,
        kernel=given.kernel,
        modules=given.modules,
        mode=given.mode,
        seed=given.seed,
        cpu=given.cpu,
        cost_blocks=given.cost_blocks,
        guest_insns=given.guest_insns,
        counters=given.counters,
    )
    return RunOptions(
        where=where,
        names=tuple(given.benchmarks),
        two=_two(given),
        compiler=given.compiler,
        ablation=given.ablation,
        compile_rounds=given.compile_rounds,
        json=given.json,
        reports=Path(given.reports) if given.reports else None,
        bundle=given.bundle,
    )


def _matrix(given: argparse.Namespace, checkout: Checkout, progress: Progress) -> Kept:
    """Do the runs of a matrix and keep them as one."""
    chosen = cells(given.matrix, given.shard)
    if not chosen:
        raise HarnessError(f"shard {given.shard} of this matrix is empty")
    options = _options(given)
    if options.two is not None:
        raise HarnessError("a matrix is made of benchmarks, not of two finished objects")
    if options.bundle is not None:
        raise HarnessError("a bundle is made of one run, not of a matrix")
    where = options.where
    for cell in chosen:
        cell.where(where).check()
    started = time.perf_counter()
    words = run_options.of_a_cell(given)
    reports = options.reports or checkout.reports
    head = Head(checkout.commit(), where.kind, given.compiler, given.seed)
    with new_run(reports) as folder, progress.live():
        guests = 2 if given.guest_insns and given.target == VM else 1
        found = joined(Matrix(chosen, words, folder / "cells", progress, guests).run())
        timings = {**progress.timings, "total": round(time.perf_counter() - started, 3)}
        report = whole_report(head, found.parts, failure=found.failure, timings=timings)
        report = report.model_copy(update={"cells": found.cells, "notes": compiler_notes(found.parts)})
        return put_away(report, folder, reports, options.json)


def _two(given: argparse.Namespace) -> TwoObjects | None:
    """The two objects, where they are asked for."""
    asked = [given.left, given.right]
    if not any(asked):
        if given.workload or given.like or given.timestamp:
            raise HarnessError(
                "--workload, --like and --timestamp are for two finished objects", hint="add --left and --right"
            )
        return None
    if not all(asked) or given.benchmarks or bool(given.workload) == bool(given.like):
        raise HarnessError(
            "two finished objects are compared with --left A --right B and --workload NAME or --like PAIR"
        )
    if given.like and given.timestamp:
        raise HarnessError("--timestamp goes with --workload: with --like, the pair says which fields are times")
    return TwoObjects(
        given.left, given.right, workload=given.workload, like=given.like, timestamps=tuple(given.timestamp)
    )
