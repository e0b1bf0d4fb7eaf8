# SPDX-License-Identifier: Apache-2.0
"""Two finished objects, from whatever compilers, as a pair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.benchmark import Benchmark, MapRule, Sides, Source, Timestamp, Volatile, WorkloadUse
from harness.benchmark_file import find_benchmarks
from harness.checkout import Checkout
from harness.errors import HarnessError
from harness.objects import BpfObject, ObjectError, read_object
from harness.objects.layout import fields
from harness.objects.types import Composite
from workloads.registry import names

#: How far the sides' times may lie apart: a guest's CPU may stand still between them.
_APART_NS = 50_000_000


@dataclass(frozen=True, slots=True)
class TwoObjects:
    """``left`` stands on the Honey side, ``right`` on the C side.

    They are driven by ``workload``, or as the benchmark ``like``, whose map rules and oracle then hold. Fields of map
    values called as one of ``timestamps`` only have to be times within the run, close to each other.
    """

    left: Path
    right: Path
    workload: str | None = None
    like: str | None = None
    timestamps: tuple[str, ...] = ()


def benchmark_of(two: TwoObjects, checkout: Checkout) -> Benchmark:
    """The two as a benchmark. Raises :class:`HarnessError` where a file is no object, or there is no such workload."""
    for path in (two.left, two.right):
        if not path.is_file():
            raise HarnessError(f"there is no object {path}")
        _read(path)
    if two.workload is not None and two.workload not in names():
        raise HarnessError(f"there is no workload {two.workload!r}", hint=f"there are: {', '.join(names())}")
    sides = Sides(honey=_side(two.left), c=_side(two.right))
    title = f"{two.left.name} and {two.right.name}"
    if two.like is not None:
        (known,) = find_benchmarks(checkout, [two.like])
        return known.model_copy(update={"sides": sides, "contenders": {}, "budgets": (), "title": title})
    return Benchmark(
        schema=1,
        name="two_objects",
        title=title,
        sides=sides,
        workload=WorkloadUse(name=two.workload or ""),
        maps=_rules(two),
    )


def _rules(two: TwoObjects) -> dict[str, MapRule]:
    """How maps with timestamps are compared. Raises :class:`HarnessError` for a field that no map has."""
    if not two.timestamps:
        return {}
    obj = _read(two.right)
    rules, found = {}, set()
    for name, definition in obj.declared_maps.items():
        kind = obj.btf.resolved(definition.value_type) if definition.value_type is not None else None
        known = {field.name for field in fields(obj.btf, kind)} if isinstance(kind, Composite) else set()
        times = known & set(two.timestamps)
        found |= times
        if times:
            volatile: dict[str, Volatile] = {
                f"value.{field}": Timestamp(rule="timestamp", tolerance_ns=_APART_NS) for field in times
            }
            rules[name] = MapRule(volatile=volatile)
    for field in sorted(set(two.timestamps) - found):
        raise HarnessError(f"no map of {two.right.name} has a field {field} in its values")
    return rules


def _read(path: Path) -> BpfObject:
    try:
        return read_object(path)
    except ObjectError as problem:
        raise HarnessError(str(problem)) from problem


def _side(path: Path) -> Source:
    return Source(object=str(path.resolve()), title=path.name)
