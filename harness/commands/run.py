# SPDX-License-Identifier: Apache-2.0
"""``harness run``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from harness.checkout import Checkout, find_checkout
from harness.errors import HarnessError
from harness.execute import KNOWN_TARGETS, VM, Where
from harness.matrix import Matrix, cells, joined
from harness.plan import SHADOW, SOLO
from harness.progress import Progress
from harness.report.assemble import LEAST_ROUNDS
from harness.report.cells import compiler_notes
from harness.report.store import new_run
from harness.report.terminal import make_console, show, show_verdict
from harness.report.whole import Head, whole_report
from harness.run import Kept, RunOptions, put_away, run
from harness.targets import DEFAULT as DEFAULT_TARGET
from harness.two_objects import TwoObjects


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness run`` takes."""
    parser.description = (
        "Compiles all sides of each benchmark, drives the same events through them on a target's kernel, compares "
        "their maps with each other and with the oracle, and writes reports/latest. Exit status 0 exactly if all holds."
    )
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="names or TOML files (default: all)")
    kinds = "; ".join(f"{name}: {words}" for name, words in KNOWN_TARGETS.items())
    parser.add_argument("--target", default=DEFAULT_TARGET, metavar="TARGET", help=f"{kinds} (default: %(default)s)")
    parser.add_argument("--kernel", metavar="NAME|PATH", help="the vm's kernel: see `harness kernels`, or a bzImage")
    parser.add_argument(
        "--modules", metavar="FOLDER", help="modules for an image given as a path, where it has not all built in"
    )
    parser.add_argument(
        "--mode",
        choices=(SHADOW, SOLO),
        default=SHADOW,
        help="shadow: all sides attached at once, so that they see the same events (default); solo: one at a time",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the traffic's seed (default: %(default)s)")
    parser.add_argument("--compiler", default="clang", metavar="CLANG", help="for all sides, e.g. clang-16")
    parser.add_argument("--cpu", type=int, default=0, metavar="N", help="the CPU the traffic runs on (default: 0)")
    parser.add_argument(
        "--cost-blocks",
        type=_whole,
        default=1,
        metavar="N",
        help="blocks of rounds A B B A in which each side runs alone, for times with an interval: 8 or more "
        "(default: %(default)s; 0: no times)",
    )
    parser.add_argument(
        "--no-guest-insns",
        dest="guest_insns",
        action="store_false",
        help="do without the second guest, which counts instructions (target vm)",
    )
    parser.add_argument(
        "--compile-rounds",
        type=_whole,
        default=0,
        metavar="N",
        help=f"compile all sides N times more, one at a time: {LEAST_ROUNDS} or more for limits on compile time "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--ablation",
        action="store_true",
        help="also count what each pass of the Honey compiler saves: executed eBPF instructions and, where guest "
        "instructions are counted, those",
    )
    parser.add_argument(
        "--no-counters",
        dest="counters",
        action="store_false",
        help="do without the rounds in which the CPU's hardware counters are read, where it has any",
    )
    many = parser.add_argument_group("many runs as one")
    many.add_argument(
        "--matrix",
        nargs="+",
        metavar="AXIS=A,B",
        help="every combination of kernels=..., compilers=..., seeds=..., targets=..., as many at once as fit",
    )
    many.add_argument("--shard", default="", metavar="I/N", help="only the I-th of N parts of the matrix")
    pair = parser.add_argument_group("two finished objects instead of benchmarks")
    pair.add_argument("--left", type=Path, metavar="A.bpf.o", help="stands on the Honey side")
    pair.add_argument("--right", type=Path, metavar="B.bpf.o", help="stands on the C side")
    pair.add_argument("--workload", metavar="NAME", help="what drives them; their maps are compared as they are")
    pair.add_argument("--like", metavar="BENCHMARK", help="compare them by this benchmark's workload, rules and oracle")
    pair.add_argument(
        "--timestamp",
        action="append",
        default=[],
        metavar="FIELD",
        help="with --workload: this field of map values is a time, which may differ a little (can be given repeatedly)",
    )
    parser.add_argument("--json", metavar="PATH", help="write report.json there as well")
    parser.add_argument("--reports", metavar="FOLDER", help="where reports are kept (default: the checkout's reports/)")
    parser.add_argument("--bundle", metavar="PATH", help="pack all of it into PATH (.tar.zst), for `harness replay`")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the verdict, and errors")


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
        console.print(f"{shown}/report.html, report.md, report.json, junit.xml", style="dim")
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
        json=Path(given.json) if given.json else None,
        reports=Path(given.reports) if given.reports else None,
        bundle=Path(given.bundle) if given.bundle else None,
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
    where.check()
    started = time.perf_counter()
    arguments = [*given.benchmarks, "--target", given.target, "--mode", given.mode, "--seed", str(given.seed)]
    arguments += ["--cpu", str(given.cpu), "--cost-blocks", str(given.cost_blocks), "--compiler", given.compiler]
    arguments += [] if given.guest_insns else ["--no-guest-insns"]
    arguments += [] if given.counters else ["--no-counters"]
    arguments += ["--ablation"] if given.ablation else []
    arguments += ["--compile-rounds", str(given.compile_rounds)]
    arguments += ["--kernel", given.kernel] if given.kernel else []
    arguments += ["--modules", given.modules] if given.modules else []
    reports = options.reports or checkout.reports
    head = Head(checkout.commit(), where.kind, given.compiler, given.seed)
    with new_run(reports) as folder, progress.live():
        guests = 2 if given.guest_insns and given.target == VM else 1
        found = joined(Matrix(chosen, arguments, folder / "cells", checkout.root, progress, guests).run())
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


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)
