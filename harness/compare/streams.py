# SPDX-License-Identifier: Apache-2.0
"""The comparison of event streams, record by record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from harness.benchmark import HONEY, C, Ignored, StreamRule, Timestamp
from harness.benchmark import Volatile as VolatileRule
from harness.compare.difference import ORACLE, EntryDifference, FieldDifference, at, field_paths, in_words, show_value
from harness.compare.evidence import Evidence
from harness.compare.pair import Span, timestamp_check, tolerance_check
from harness.compare.records import Records, read_records, stream_names

#: Longer streams are compared position by position: aligning takes quadratic time.
MOST_ALIGNED = 5_000
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class ComparedStream:
    """A stream's outcome: ``differences`` by side against C; ``oracle_differences`` None where nothing is predicted."""

    name: str
    rule: StreamRule
    records: int
    differences: Mapping[str, int] = field(default_factory=dict)
    oracle_differences: int | None = None
    foreign: int = 0
    found: tuple[EntryDifference, ...] = ()

    def against(self, side: str) -> int:
        """Records in which ``side`` and C disagree."""
        return self.differences.get(side, 0)


def compare_streams(evidence: Evidence) -> dict[str, ComparedStream]:
    """All streams. Raises :class:`harness.errors.RunError` where records cannot be read."""
    return {
        name: _compare(evidence, name, evidence.benchmark.streams.get(name, StreamRule()))
        for name in stream_names(evidence)
    }


def _compare(evidence: Evidence, name: str, rule: StreamRule) -> ComparedStream:
    sides = read_records(evidence, name, rule)
    base = sides[C].values
    if not rule.compare:
        return ComparedStream(name, rule, len(base))
    by_side = {side: _against(name, rule, evidence.span, (C, base), (side, one)) for side, one in sides.items()}
    by_side[C] = [_lost(name, C, sides[C])] if sides[C].lost else []
    found = [difference for differences in by_side.values() for difference in differences]
    own = {side: _own(records.values, rule, evidence.phase.pids) for side, records in sides.items()}
    predicted = (evidence.prediction or {}).get(name)
    oracle: list[EntryDifference] | None = None
    if predicted is not None:
        wanted = list(predicted.values()) if isinstance(predicted, Mapping) else list(predicted)
        oracle = _against_oracle(name, rule, own[C], wanted)
        if HONEY in own and by_side[HONEY]:
            oracle += _against_oracle(name, rule, own[HONEY], wanted, side=HONEY)
    return ComparedStream(
        name,
        rule,
        records=len(base),
        differences={side: len(ones) + len(by_side[C]) for side, ones in by_side.items() if side != C},
        oracle_differences=None if oracle is None else len(oracle),
        foreign=len(base) - len(own[C]),
        found=tuple([*found, *(oracle or [])][:MOST_SHOWN]),
    )


def _own(values: Sequence[Any], rule: StreamRule, pids: Sequence[int]) -> list[Any]:
    if rule.scope is None:
        return list(values)
    wanted, path = set(pids), rule.scope.removeprefix("value.")
    return [value for value in values if at(value, path) in wanted]


def _lost(name: str, side: str, records: Records) -> EntryDifference:
    text = f"{name}: {records.lost} records of {side} were lost"
    return EntryDifference(name, None, "lost", "sides" if side in {HONEY, C} else "contender", {}, (), text)


def _against(
    name: str, rule: StreamRule, span: Span, base: tuple[str, Sequence[Any]], other: tuple[str, Records]
) -> list[EntryDifference]:
    """How a side's records differ from C's."""
    (first, left), (second, records) = base, other
    if first == second:
        return []
    between = "sides" if second == HONEY else "contender"
    found = [_lost(name, second, records)] if records.lost else []
    checks = {path.removeprefix("value."): _check(how, span) for path, how in rule.volatile.items()}
    for number, one, two in _pairs(left, records.values, rule):
        if one is None or two is None:
            columns = {second: two, first: one}
            text = in_words(f"{name}[{number}]", (), columns)
            found.append(EntryDifference(name, number, f"record {number}", between, columns, (), text))
            continue
        fields = tuple(_fields(one, two, (first, second), checks))
        if fields:
            columns = {second: two, first: one}
            text = in_words(f"{name}[{number}]", fields, columns)
            found.append(EntryDifference(name, number, f"record {number}", between, columns, fields, text))
    return found


def _fields(
    one: Any, two: Any, names: tuple[str, str], checks: Mapping[str, Callable[[Any, Any], str] | None]
) -> Iterator[FieldDifference]:
    first, second = names
    for path in field_paths(one, two, tuple(checks)):
        yield FieldDifference(path, {second: at(two, path), first: at(one, path)})
    for path, check in checks.items():
        why = check(at(one, path), at(two, path)) if check is not None else ""
        if why:
            yield FieldDifference(path, {second: at(two, path), first: at(one, path)}, why)


def _check(how: VolatileRule, span: Span) -> Callable[[Any, Any], str] | None:
    if isinstance(how, Ignored):
        return None
    return timestamp_check(how, span) if isinstance(how, Timestamp) else tolerance_check(how)


def _pairs(left: Sequence[Any], right: Sequence[Any], rule: StreamRule) -> Iterator[tuple[int, Any, Any]]:
    """``(number, of C, of the other)``; None on one side where a record has no counterpart."""
    volatile = tuple(path.removeprefix("value.") for path in rule.volatile)
    one, two = [_stable(v, volatile) for v in left], [_stable(v, volatile) for v in right]
    if rule.order == "any":
        yield from _unordered(left, right, one, two)
    elif one == two or max(len(one), len(two)) > MOST_ALIGNED:
        yield from ((number, *pair) for number, pair in enumerate(zip_longest(left, right)))
    else:
        for _, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
            yield from ((a + number, *pair) for number, pair in enumerate(zip_longest(left[a:b], right[c:d])))


def _unordered(
    left: Sequence[Any], right: Sequence[Any], one: Sequence[str], two: Sequence[str]
) -> Iterator[tuple[int, Any, Any]]:
    """Pairs of equal records, wherever they stand; then those without a counterpart."""
    places: dict[str, list[int]] = {}
    for index, text in enumerate(two):
        places.setdefault(text, []).append(index)
    alone = []
    for index, text in enumerate(one):
        if places.get(text):
            yield index, left[index], right[places[text].pop(0)]
        else:
            alone.append(index)
    for index in alone:
        yield index, left[index], None
    for index in sorted(index for rest in places.values() for index in rest):
        yield index, None, right[index]


def _stable(value: Any, volatile: Sequence[str]) -> str:
    """A record as text without its volatile fields, to be compared and counted."""
    if isinstance(value, dict):
        value = {name: part for name, part in value.items() if name not in volatile}
    return json.dumps(value, sort_keys=True, default=repr)


def _against_oracle(
    name: str, rule: StreamRule, own: Sequence[Any], wanted: Sequence[Any], *, side: str = C
) -> list[EntryDifference]:
    """How a side's own records differ from those predicted; fields that were not predicted are not looked at."""
    if rule.order == "any":
        return _counted(name, own, wanted, side)
    found = []
    for number, (there, prediction) in enumerate(zip_longest(own, wanted)):
        if there is not None and prediction is not None and _agrees(there, prediction):
            continue
        columns = {side: there, ORACLE: prediction}
        fields: tuple[FieldDifference, ...] = ()
        if there is not None and prediction is not None:
            fields = tuple(
                FieldDifference(path, {side: at(there, path), ORACLE: part})
                for path, part in _leaves(prediction)
                if at(there, path) != part
            )
        text = in_words(f"{name}[{number}]", fields, columns)
        found.append(EntryDifference(name, number, f"record {number}", ORACLE, columns, fields, text))
    return found


def _counted(name: str, own: Sequence[Any], wanted: Sequence[Any], side: str) -> list[EntryDifference]:
    """Records in any order: each predicted one takes one that agrees with it."""
    rest = list(own)
    missing = []
    for prediction in wanted:
        match = next((index for index, there in enumerate(rest) if _agrees(there, prediction)), None)
        if match is None:
            missing.append(prediction)
        else:
            rest.pop(match)
    texts = [(f"{name}: {side} lacks {show_value(one)}", {side: None, ORACLE: one}) for one in missing]
    texts += [(f"{name}: {side} has {show_value(one)}, not predicted", {side: one, ORACLE: None}) for one in rest]
    return [EntryDifference(name, None, "record", ORACLE, columns, (), text) for text, columns in texts]


def _agrees(there: Any, prediction: Any) -> bool:
    return all(at(there, path) == part for path, part in _leaves(prediction))


def _leaves(prediction: Any) -> list[tuple[str, Any]]:
    if isinstance(prediction, Mapping):
        return [(str(name), part) for name, part in prediction.items() if part is not None]
    return [("", prediction)]
