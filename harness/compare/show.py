# SPDX-License-Identifier: Apache-2.0
"""The differing entries of a compared map, decoded and put into words; only these are ever decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.benchmark import HONEY, C
from harness.compare.culprits import Culprits, culprits
from harness.compare.difference import ORACLE, EntryDifference, FieldDifference, at, field_paths, in_words
from harness.compare.entries import clean
from harness.compare.evidence import Evidence
from harness.compare.one_map import ComparedMap
from harness.compare.prediction import disagreement
from harness.label import label

#: Differing entries that are decoded and put into words, a map.
MOST_SHOWN = 100


def show_differences(evidence: Evidence, compared: ComparedMap) -> list[EntryDifference]:
    """The first differing entries of a map, with the events behind them."""
    found = list(_dirty(compared))
    found += [(key, _entry(compared, key)) for key in _keys(compared)[: MOST_SHOWN - len(found)]]
    shown = []
    for key, difference in found:
        blamed = _culprits(evidence, compared, key)
        shown.append(replace(difference, events=blamed.events, more_events=blamed.more))
    return shown + list(_totals(compared))


def _keys(compared: ComparedMap) -> list[bytes]:
    """All keys with a difference: first those in which Honey and C disagree."""
    keys: dict[bytes, None] = {}
    for side in sorted(compared.pairs, key=lambda name: name != HONEY):
        pair = compared.pairs[side]
        for some in (pair.changed, pair.only_left, pair.only_right, [breach.key for breach in pair.breaches]):
            keys.update(dict.fromkeys(some))
    for difference in compared.oracle.values():
        keys.update(dict.fromkeys(difference.keys))
    return list(keys)


def _entry(compared: ComparedMap, key: bytes) -> EntryDifference:
    columns = _columns(compared, key)
    fields = tuple(_fields(compared, key, columns))
    name = label(compared.layout.decode_key(key), compared.rule.label)
    return EntryDifference(
        map=compared.name,
        key=compared.layout.decode_key(key),
        label=name,
        between=_between(compared, key),
        columns=columns,
        fields=fields,
        text=in_words(f"{compared.name}[{name}]", fields, columns),
    )


def _columns(compared: ComparedMap, key: bytes) -> dict[str, Any]:
    """The typed values by column; the oracle has one only where it was asked about the key."""
    columns: dict[str, Any] = {}
    for side in sorted(compared.sides, key=[HONEY, C].__contains__, reverse=True):
        raw = compared.sides[side].values.get(key)
        columns[side] = None if raw is None else compared.layout.decode_value(raw)
    if any(key in difference.keys for difference in compared.oracle.values()) or (
        compared.wanted is not None and key in compared.wanted.values
    ):
        columns[ORACLE] = compared.wanted.values.get(key) if compared.wanted else None
    return columns


def _fields(compared: ComparedMap, key: bytes, columns: dict[str, Any]) -> Iterator[FieldDifference]:
    """The fields in which columns disagree, each with what every column says."""
    volatile = {path.removeprefix("value.") for path in compared.rule.volatile}
    paths: dict[str, str] = {}
    for side, pair in compared.pairs.items():
        if key in compared.sides[C].values and columns[side] is not None:
            paths.update({path: "" for path in field_paths(columns[C], columns[side]) if path not in volatile})
        for breach in pair.breaches:
            if breach.key == key:
                paths[breach.path.removeprefix("value.")] = breach.why
    if columns.get(ORACLE) is not None and compared.rule.foreign is None:
        paths.update(dict.fromkeys(_oracle_paths(compared, key, columns), ""))
    for path, why in paths.items():
        yield FieldDifference(path, {name: at(value, path) for name, value in columns.items()}, why)


def _oracle_paths(compared: ComparedMap, key: bytes, columns: dict[str, Any]) -> Iterator[str]:
    disagrees = disagreement(compared.layout, compared.rule)
    for entries in compared.sides.values():
        raw = entries.values.get(key)
        if raw is not None:
            yield from disagrees(raw, columns[ORACLE])


def _between(compared: ComparedMap, key: bytes) -> str:
    for side, pair in compared.pairs.items():
        broken = any(breach.key == key for breach in pair.breaches)
        if broken or key in pair.changed or key in pair.only_left or key in pair.only_right:
            return "sides" if side == HONEY else "contender"
    return ORACLE


def _dirty(compared: ComparedMap) -> Iterator[tuple[bytes, EntryDifference]]:
    for side, entries in compared.sides.items() if compared.rule.compare else ():
        for raw in entries.dirty[:MOST_SHOWN]:
            key = compared.layout.decode_key(raw)
            name = label(key, compared.rule.label)
            bytes_there = ", ".join(
                f"byte {at} is {raw[at]:#04x}"
                for start, size in compared.layout.key_padding
                for at in range(start, start + size)
                if raw[at]
            )
            text = f"{compared.name}[{name}]: the key's padding is not zero in {side} ({bytes_there})"
            difference = EntryDifference(compared.name, key, name, "padding", {side: raw.hex()}, (), text)
            yield clean(raw, compared.layout), difference


def _totals(compared: ComparedMap) -> Iterator[EntryDifference]:
    for side, difference in compared.oracle.items():
        if difference.total:
            text = f"{compared.name} in {side}: {difference.total}"
            yield EntryDifference(compared.name, None, "total", "total", {}, (), text)


def _culprits(evidence: Evidence, compared: ComparedMap, key: bytes) -> Culprits:
    return culprits(key, compared.layout, evidence.touched, evidence.events, compared.pid(key))
