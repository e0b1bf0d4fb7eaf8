# SPDX-License-Identifier: Apache-2.0
"""The comparison of one map: every side with C, and every side with the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.benchmark import C, Foreign, MapRule
from harness.compare.entries import Entries
from harness.compare.evidence import Evidence
from harness.compare.layout import KEY, VALUE, MapLayout, Scalar
from harness.compare.pair import PairDifference, compare_pair
from harness.compare.prediction import (
    OracleDifference,
    Predicted,
    compare_totals,
    compare_with_oracle,
    predicted,
    raced,
)

_RACED = "other processes added to it at the same moments, and updates were lost; --target vm can tell"


@dataclass(frozen=True)
class ComparedMap:
    """A map with all that was found about it. ``pairs`` are by side against C, ``oracle`` by side.

    ``foreign`` counts C's entries that other processes caused, ``full`` says that the map took no more keys.
    """

    name: str
    rule: MapRule
    layout: MapLayout
    sides: Mapping[str, Entries]
    pairs: Mapping[str, PairDifference]
    scope: Scalar | None = None
    wanted: Predicted | None = None
    oracle: Mapping[str, OracleDifference] = field(default_factory=dict)
    foreign: int = 0
    full: bool = False

    def against(self, side: str) -> int:
        """Entries in which ``side`` and C disagree; keys with dirty padding count, C's too."""
        return self.pairs[side].count + len(self.sides[side].dirty) + len(self.sides[C].dirty)

    @property
    def oracle_differences(self) -> int | None:
        """Keys in which a side and the oracle disagree; None where the oracle says nothing of this map."""
        if self.wanted is None:
            return None
        keys = {key for difference in self.oracle.values() for key in difference.keys}
        return len(keys) + any(difference.total for difference in self.oracle.values())

    def pid(self, key: bytes) -> int | None:
        """Whose traffic the entry is; None for a map without a scope."""
        if self.scope is None:
            return None
        if self.scope.part == KEY:
            return int(self.scope.reader(self.layout.key_size).unpack(key)[0])
        value = next((side.values[key] for side in self.sides.values() if key in side.values), None)
        return None if value is None else int(self.scope.reader(self.layout.value_bytes).unpack(value)[0])


def compare_map(evidence: Evidence, name: str, rule: MapRule) -> ComparedMap:
    """Compare map ``name``. Raises :class:`RunError` where a dump or a rule does not fit it."""
    layout = evidence.layout(C, name)
    sides = {side: evidence.entries(side, name) for side in evidence.benchmark.sources}
    if not rule.compare:
        return ComparedMap(name, rule, layout, sides, {})
    base = sides[C]
    pairs = {side: compare_pair(base, entries, rule, evidence.span) for side, entries in sides.items() if side != C}
    scope = layout.scalar(rule.scope, default=KEY) if rule.scope else None
    own = {side: evidence.own(side, name) for side in sides}
    full = (
        len(base.values) + evidence.left_out.get(name, 0) >= evidence.file(C, name).max_entries
        and not layout.entries_always_exist
    )
    wanted, oracle = None, {}
    prediction = evidence.prediction
    # A map that only user space writes is predicted to be empty.
    if prediction is not None and (name in prediction or rule.written_by == "user"):
        wanted = predicted(prediction, layout)
        if rule.foreign is not None:
            others = {side: _foreign_sum(evidence, side, rule.foreign) for side in sides}
            oracle = {
                side: compare_totals(layout, entries.values, wanted, others[side]) for side, entries in sides.items()
            }
            differs = any(one.keys or one.total for one in oracle.values()) or any(one.count for one in pairs.values())
            if differs and raced(layout, [one.values for one in sides.values()], wanted, min(others.values())):
                rule = rule.model_copy(update={"compare": False, "reason": _RACED})
                return ComparedMap(name, rule, layout, sides, {})
        else:
            oracle = {side: compare_with_oracle(layout, mine, wanted, rule) for side, (mine, _) in own.items()}
    return ComparedMap(name, rule, layout, sides, pairs, scope, wanted, oracle, foreign=own[C][1], full=full)


def _foreign_sum(evidence: Evidence, side: str, foreign: Foreign) -> int:
    """What other processes added to a total, from their entries in the map that has a scope."""
    layout = evidence.layout(side, foreign.map)
    own, _ = evidence.own(side, foreign.map)
    others = [value for key, value in evidence.entries(side, foreign.map).values.items() if key not in own]
    readers = [layout.scalar(path, default=VALUE).reader(layout.value_stride) for path in foreign.sum]
    return sum(number for value in others for reader in readers for (number,) in reader.iter_unpack(value))
