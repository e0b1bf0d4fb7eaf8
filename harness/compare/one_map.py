# SPDX-License-Identifier: Apache-2.0
"""The comparison of one map: every side with C, and every side with the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.benchmark import C, MapRule
from harness.compare.entries import Entries, read_entries
from harness.compare.evidence import Evidence
from harness.compare.layout import KEY, VALUE, MapLayout, Scalar
from harness.compare.pair import PairDifference, compare_pair
from harness.compare.prediction import (
    OracleDifference,
    Predicted,
    compare_totals,
    compare_with_oracle,
    own_entries,
    predicted,
)
from harness.errors import RunError


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

    def differences(self, side: str) -> int:
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
    sides = {side: _read(evidence, side, name, rule) for side in evidence.benchmark.sources}
    if not rule.compare:
        return ComparedMap(name, rule, layout, sides, {})
    base = sides[C]
    pairs = {side: compare_pair(base, entries, rule, evidence.span) for side, entries in sides.items() if side != C}
    scope = layout.scalar(rule.scope, default=KEY) if rule.scope else None
    full = len(base.values) == evidence.file(C, name).max_entries and not layout.entries_always_exist
    _, foreign = own_entries(base, scope, set(evidence.phase.pids))
    compared = ComparedMap(name, rule, layout, sides, pairs, scope, foreign=foreign, full=full)
    prediction = evidence.prediction
    if prediction is None or (name not in prediction and rule.written_by == "kernel"):
        return compared
    # A map that only user space writes is predicted to be empty.
    wanted = predicted(prediction, layout)
    oracle = {side: _against(evidence, compared, side, wanted) for side in sides}
    return ComparedMap(name, rule, layout, sides, pairs, scope, wanted, oracle, foreign, full)


def _read(evidence: Evidence, side: str, name: str, rule: MapRule) -> Entries:
    file = evidence.file(side, name)
    if file.file is None:
        raise RunError(f"map {name}: the entries of the {side} side were not read")
    return read_entries(evidence.folder / file.file, evidence.layout(side, name), zero_is_absent=rule.zero_is_absent)


def _against(evidence: Evidence, compared: ComparedMap, side: str, wanted: Predicted) -> OracleDifference:
    """How one side differs from the prediction."""
    pids = set(evidence.phase.pids)
    entries = compared.sides[side]
    if compared.rule.foreign is not None:
        return compare_totals(compared.layout, entries.values, wanted, _foreign_sum(evidence, compared, side))
    own, foreign = own_entries(entries, compared.scope, pids)
    most = evidence.file(side, compared.name).max_entries
    room = most - foreign if len(entries.values) == most and not compared.layout.entries_always_exist else None
    return compare_with_oracle(compared.layout, own, wanted, compared.rule, room=room)


def _foreign_sum(evidence: Evidence, compared: ComparedMap, side: str) -> int:
    """What other processes added to the totals, from their entries in the map that has a scope."""
    foreign = compared.rule.foreign
    if foreign is None:
        return 0
    rule = evidence.benchmark.maps[foreign.map]
    layout = evidence.layout(side, foreign.map)
    entries = _read(evidence, side, foreign.map, rule)
    own, _ = own_entries(entries, layout.scalar(rule.scope or "", default=KEY), set(evidence.phase.pids))
    fields = [layout.scalar(path, default=VALUE).reader(layout.value_stride) for path in foreign.sum]
    others = (value for key, value in entries.values.items() if key not in own)
    return sum(number for value in others for reader in fields for (number,) in reader.iter_unpack(value))
