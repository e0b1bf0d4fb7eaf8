# SPDX-License-Identifier: Apache-2.0
"""Two finished objects, from whatever compilers, as a pair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.benchmark import Benchmark, Sides, Source, WorkloadUse
from harness.benchmark_file import find_benchmarks
from harness.checkout import Checkout
from harness.errors import HarnessError


@dataclass(frozen=True, slots=True)
class TwoObjects:
    """``left`` stands on the Honey side, ``right`` on the C side.

    They are driven by ``workload``, or as the benchmark ``like``, whose map rules and oracle then hold.
    """

    left: Path
    right: Path
    workload: str | None = None
    like: str | None = None


def benchmark_of(two: TwoObjects, checkout: Checkout) -> Benchmark:
    """The two as a benchmark. Raises :class:`HarnessError` where a file is not there."""
    for path in (two.left, two.right):
        if not path.is_file():
            raise HarnessError(f"there is no object {path}")
    sides = Sides(honey=_side(two.left), c=_side(two.right))
    title = f"{two.left.name} and {two.right.name}"
    if two.like is not None:
        (known,) = find_benchmarks(checkout, [two.like])
        return known.model_copy(update={"sides": sides, "contenders": {}, "budgets": (), "title": title})
    return Benchmark(
        schema=1, name="two_objects", title=title, sides=sides, workload=WorkloadUse(name=two.workload or "")
    )


def _side(path: Path) -> Source:
    return Source(object=str(path.resolve()), title=path.name)
