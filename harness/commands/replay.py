# SPDX-License-Identifier: Apache-2.0
"""``harness replay``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harness.benchmark import NOISY_METRICS
from harness.bundle import Bundle, open_bundle
from harness.checkout import find_checkout
from harness.execute import Where
from harness.prepare import Prepared, looked_at
from harness.progress import Progress
from harness.report.changes import changes, incomparable
from harness.report.model import Report
from harness.report.terminal import make_console, show
from harness.run import RunOptions, Undertaking, run_prepared


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``harness replay`` takes."""
    parser.description = (
        "Runs the objects of an evidence bundle again, with its seed and in its way, and says whether it came out the "
        "same. Exit status 0 if it did."
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="what `harness run --bundle` wrote")
    parser.add_argument("--target", metavar="TARGET", help="run it there instead")
    parser.add_argument("--kernel", metavar="NAME|PATH", help="on this kernel instead (target vm)")
    parser.add_argument("--modules", metavar="FOLDER", help="modules for an image given as a path")
    parser.add_argument("--reports", type=Path, metavar="FOLDER", help="where the report is kept")


def main(given: argparse.Namespace) -> int:
    """Replay; gives the exit status."""
    checkout = find_checkout()
    with tempfile.TemporaryDirectory(prefix="honey-replay-") as folder:
        bundle = open_bundle(given.bundle, Path(folder))
        manifest = bundle.manifest
        same_kernel = not given.kernel and given.target in {None, manifest.target}
        where = Where(
            target=given.target or manifest.target,
            kernel=manifest.kernel if same_kernel else given.kernel,
            modules=given.modules or (manifest.modules if same_kernel else None),
            mode=manifest.mode,
            seed=manifest.seed,
            cpu=manifest.cpu if given.target in {None, manifest.target} else None,
            cost_blocks=manifest.cost_blocks,
            guest_insns=manifest.guest_insns,
            counters=manifest.counters,
        )
        where.check_here()

        def preparing(*_: object) -> Prepared:
            return looked_at(bundle.pairs())

        undertaking = Undertaking(
            options=RunOptions(where, reports=given.reports),
            benchmarks=bundle.benchmarks(),
            preparing=preparing,
            compiler=bundle.report.compiler,
            checkout=checkout,
            progress=Progress(make_console(stderr=True)),
            sources=bundle.sources,
        )
        kept = run_prepared(undertaking)
    return _say(bundle, kept.report)


def _say(bundle: Bundle, report: Report) -> int:
    """Whether it came out the same, in words; gives the exit status."""
    console = make_console()
    show(report, console)
    found = list(_different(bundle.report, report))
    for line in found:
        console.print(f"different: {line}", style="yellow", markup=False)
    apart = incomparable(bundle.report, report)
    for line in apart:
        console.print(f"figures were not compared, as {line}", style="dim", markup=False)
    same = not found
    console.print("it came out the same" if same else "it came out differently", style="bold")
    return 0 if same else 1


def _different(before: Report, after: Report) -> list[str]:
    """What is different in the outcome: parity, and on the same kernel the figures that repeat."""
    found = []
    now = {part.name: part for part in after.benchmarks}
    for old in before.benchmarks:
        new = now.get(old.name)
        if new is None:
            found.append(f"{old.name} was not run")
            continue
        for what in ("equal", "oracle_equal", "events"):
            one, other = getattr(old.parity, what), getattr(new.parity, what)
            if one != other:
                found.append(f"{old.name}: {what.replace('_', ' ')} was {one}, is {other}")
    if not incomparable(before, after):
        found += [
            f"{one.benchmark}: {one}"
            for one in changes(before, after)
            if one.metric not in NOISY_METRICS and (one.worse or abs((one.ratio or 0) - 1) > 0.002)
        ]
    return found
