# SPDX-License-Identifier: Apache-2.0
"""What the oracle predicts, brought to the maps' own types, and each side held against it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.benchmark import Ignored, MapRule, Timestamp, Tolerance
from harness.compare.difference import at
from harness.compare.entries import Entries
from harness.compare.layout import KEY, MapLayout, Scalar
from harness.compare.pair import tolerance_check
from harness.errors import RunError
from harness.objects import ObjectError
from workloads.oracles import Between

#: ``{map: {key: value}}`` in typed contents, see :mod:`workloads.oracles`; of a stream the list of its records.
Prediction = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Predicted:
    """A map as the oracle predicts it: typed values by raw key. Fields that a value leaves out are not predicted."""

    values: Mapping[bytes, Any]


@dataclass(frozen=True, slots=True)
class OracleDifference:
    """How a side's own entries differ from the prediction, by key.

    ``total`` says what is wrong with the sum of a map without a scope, "" where it is right.
    """

    missing: tuple[bytes, ...] = ()
    extra: tuple[bytes, ...] = ()
    changed: tuple[bytes, ...] = ()
    total: str = ""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """All keys with a difference."""
        return self.missing + self.extra + self.changed


def predicted(prediction: Prediction, layout: MapLayout) -> Predicted:
    """The prediction for one map. Raises :class:`RunError` for a key that does not fit the map's type."""
    return Predicted({encode_key(layout, key): value for key, value in prediction.get(layout.name, {}).items()})


def encode_key(layout: MapLayout, key: Any) -> bytes:
    """An oracle's key, a scalar or a named tuple, as it stands in the map."""
    if layout.key is None:
        raise RunError(f"map {layout.name}: the object does not say the type of its key, so nothing can be predicted")
    try:
        return layout.key.encode(_plain(key))
    except (ObjectError, TypeError, ValueError) as error:
        raise RunError(f"map {layout.name}: the oracle's key {key!r} does not fit: {error}") from error


def _plain(key: Any) -> Any:
    """A key with named tuples as dictionaries by field name."""
    if hasattr(key, "_asdict"):
        return {name: _plain(part) for name, part in key._asdict().items()}
    return [_plain(part) for part in key] if isinstance(key, (list, tuple)) else key


def own_entries(entries: Entries, scope: Scalar | None, pids: Collection[int]) -> tuple[dict[bytes, bytes], int]:
    """The entries of the workload's own processes, and how many others there are; all of them without a scope."""
    if scope is None:
        return entries.values, 0
    if scope.part == KEY:
        unpack = scope.reader(entries.layout.key_size).unpack
        own = {key: value for key, value in entries.values.items() if unpack(key)[0] in pids}
    else:
        read = struct.Struct(f"<{scope.code}").unpack_from
        own = {key: value for key, value in entries.values.items() if read(value, scope.offset)[0] in pids}
    return own, len(entries.values) - len(own)


def compare_with_oracle(
    layout: MapLayout, own: Mapping[bytes, bytes], wanted: Predicted, rule: MapRule
) -> OracleDifference:
    """What differs between a side's ``own`` entries and the prediction."""
    disagrees = disagreement(layout, rule)
    return OracleDifference(
        missing=tuple(key for key in wanted.values if key not in own),
        extra=tuple(key for key in own if key not in wanted.values),
        changed=tuple(key for key, value in wanted.values.items() if key in own and disagrees(own[key], value)),
    )


def disagreement(layout: MapLayout, rule: MapRule) -> Callable[[bytes, Any], list[str]]:
    """At which paths a raw value disagrees with a predicted one, of all that is predicted and not volatile."""
    skipped = {_bare(path) for path, how in rule.volatile.items() if isinstance(how, (Timestamp, Ignored))}
    loose = {_bare(path): tolerance_check(how) for path, how in rule.volatile.items() if isinstance(how, Tolerance)}

    def differs(path: str, found: Any, wanted: Any) -> bool:
        if isinstance(wanted, Between) and isinstance(found, (int, float)):
            wanted = min(max(found, wanted.low), wanted.high)
        if path in loose and isinstance(found, (int, float)):
            return bool(loose[path](found, wanted))
        return bool(found != wanted)

    def disagrees(raw: bytes, prediction: Any) -> list[str]:
        value = merged(layout, raw)
        asked = [(path, wanted) for path, wanted in leaves(prediction) if wanted is not None and path not in skipped]
        return [path for path, wanted in asked if differs(path, at(value, path), wanted)]

    return disagrees


def merged(layout: MapLayout, raw: bytes) -> Any:
    """The typed value; of a per-CPU map the sum over the CPUs, as the oracle knows nothing of CPUs."""
    value = layout.decode_value(raw)
    return _sum(value) if layout.per_cpu else value


def _sum(values: list[Any]) -> Any:
    if values and isinstance(values[0], dict):
        return {name: _sum([value[name] for value in values]) for name in values[0]}
    if values and isinstance(values[0], (int, float)):
        return sum(values)
    return values[0] if values else None


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """``(dotted path, scalar)`` of all scalars in a typed value."""
    if isinstance(value, dict):
        return [leaf for name, part in value.items() for leaf in leaves(part, f"{path}.{name}" if path else str(name))]
    if isinstance(value, list):
        return [leaf for i, part in enumerate(value) for leaf in leaves(part, f"{path}.{i}" if path else str(i))]
    return [(path, value)]


def _bare(path: str) -> str:
    """A volatile field's path inside the value."""
    return "" if path == "value" else path.removeprefix("value.")


def compare_totals(
    layout: MapLayout, entries: Mapping[bytes, bytes], wanted: Predicted, foreign_sum: int
) -> OracleDifference:
    """For totals that all processes add to: each exceeds its prediction, together by exactly ``foreign_sum``.

    Totals wrap, so what a total exceeds its prediction by is taken modulo the value's size.
    """
    modulus = 1 << 8 * layout.value_size
    excess = {key: (merged(layout, raw) - wanted.values.get(key, 0)) % modulus for key, raw in entries.items()}
    missing = tuple(key for key in wanted.values if key not in entries)
    wrong = tuple(key for key, more in excess.items() if more > foreign_sum)
    total = ""
    if not missing and not wrong and sum(excess.values()) != foreign_sum:
        there = sum(excess.values())
        total = f"the totals exceed the oracle's by {there}, the entries of other processes by {foreign_sum}"
    return OracleDifference(missing=missing, changed=wrong, total=total)


def raced(layout: MapLayout, sides: Iterable[Mapping[bytes, bytes]], wanted: Predicted, foreign_sum: int) -> bool:
    """Whether every total is its prediction and a part of what other processes added.

    A total that is read, changed and stored on two CPUs at once keeps one of the two changes, on each side another one:
    nobody's fault, and nothing that a comparison could tell.
    """
    modulus = 1 << 8 * layout.value_size
    return all(
        wanted.values.keys() <= side.keys()
        and all((merged(layout, raw) - wanted.values.get(key, 0)) % modulus <= foreign_sum for key, raw in side.items())
        for side in sides
    )
