# SPDX-License-Identifier: Apache-2.0
"""What each pass of the compiler saves: programs compiled without it are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from harness.benchmark import HONEY, C
from harness.build import BuiltPair
from harness.measure.event_cost import fewest
from harness.measure.statistics import geometric_mean, ratio
from harness.objects import read_object
from harness.plan import EMPTY_SIDE
from harness.result import BenchmarkResult
from harness.simulate import count_executed
from harness.variants import LeftOut, Variants, side_of

#: What a program costs, by handler; None where it could not be counted.
Costs = Mapping[str, float | None]
#: Program names by handler and side.
Names = Mapping[str, Mapping[str, str]]

#: A difference in the geometric mean below which two passes are said to have nothing to do with each other.
NOTICED = 0.005

_COUNTED = "guest_insns_per_event"
_EXECUTED = "executed_insns_per_event"


@dataclass(frozen=True, slots=True)
class Saving:
    """One pass: what the program costs ``without`` it over with all, and with it ``alone`` over with none."""

    name: str
    without: float | None
    alone: float | None
    handlers: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Dependence:
    """Two passes that are worth more together (``needs``), or less (not), than one by one.

    ``together`` is the cost without both over the cost with all, ``apart`` the product of what each costs alone.
    """

    first: str
    second: str
    needs: bool
    together: float
    apart: float


@dataclass(frozen=True, slots=True)
class Ablation:
    """What all passes save in one metric: the cost with ``none`` over with all; then pass by pass."""

    metric: str
    none: float | None
    handlers: Mapping[str, float | None]
    savings: Sequence[Saving]
    dependences: Sequence[Dependence]


def ablate_executed(pair: BuiltPair, variants: Variants, names: Names, seed: int) -> Ablation:
    """What passes save in executed eBPF instructions. Raises :class:`harness.errors.RunError` as counting does."""
    places = sorted({*variants.objects.values(), *variants.alone.values()})
    objects = {str(place): read_object(place) for place in places}
    counts = count_executed(pair.benchmark, {**objects, C: read_object(pair.sides[C].object)}, seed)

    def costs(place: Path) -> Costs:
        found = counts[str(place)]
        return {
            handler: found[by_side[HONEY]].insns / found[by_side[HONEY]].events
            for handler, by_side in names.items()
            if by_side[HONEY] in found and found[by_side[HONEY]].events
        }

    by_set = {one: costs(place) for one, place in variants.objects.items()}
    return ablation(_EXECUTED, variants.passes, by_set, {name: costs(place) for name, place in variants.alone.items()})


def ablate_counted(
    variants: Variants, counted: BenchmarkResult | None, empty: BenchmarkResult | None, names: Names
) -> Ablation | None:
    """What passes save in guest instructions, less those of the ``empty`` program; None where none were counted."""
    if counted is None:
        return None

    def costs(left_out: LeftOut) -> Costs:
        side, found = side_of(left_out), {}
        for handler, by_side in names.items():
            overhead = (fewest(empty.phases, EMPTY_SIDE, by_side[HONEY]) if empty else None) or 0.0
            cost = fewest(counted.phases, side, by_side[HONEY])
            if cost is not None and cost > overhead:
                found[handler] = cost - overhead
        return found

    by_set = {one: found for one in variants.objects if (found := costs(one))}
    return ablation(_COUNTED, variants.passes, by_set, {}) if by_set else None


def ablation(
    metric: str, passes: Sequence[str], costs: Mapping[LeftOut, Costs], alone: Mapping[str, Costs]
) -> Ablation:
    """The savings from what programs cost by the passes ``left_out`` of them."""
    full = costs.get(frozenset(), {})
    nothing = next((one for one in costs if len(one) > 2), None)
    none = costs[nothing] if nothing is not None else {}

    def without(*names: str) -> dict[str, float | None]:
        found = costs.get(frozenset(names), {})
        return {handler: ratio(found.get(handler), base) for handler, base in full.items()}

    savings = [
        Saving(
            name=name,
            without=geometric_mean(without(name).values()),
            alone=geometric_mean(ratio(alone.get(name, {}).get(handler), base) for handler, base in none.items()),
            handlers=without(name),
        )
        for name in passes
    ]
    savings.sort(key=lambda one: -(one.without or 0.0))
    known = {one.name: one.without for one in savings}
    dependences = []
    for first, second in combinations(passes, 2):
        a, b, together = known[first], known[second], geometric_mean(without(first, second).values())
        if a is not None and b is not None and together is not None and abs(together - a * b) > NOTICED:
            dependences.append(Dependence(first, second, together < a * b, together, a * b))
    dependences.sort(key=lambda one: -abs(one.together - one.apart))
    everything = {handler: ratio(cost, full.get(handler)) for handler, cost in none.items()}
    return Ablation(metric, geometric_mean(everything.values()), everything, savings, dependences)
