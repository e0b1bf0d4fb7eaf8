# SPDX-License-Identifier: Apache-2.0
"""Models of what programs should leave in their maps, written from the words of their specification alone.

An oracle is a function ``predict(events, context) -> {map: {key: value}}``:

* a key or value that is a number is an ``int``; one that is a struct is, as a key, the tuple of its ``(field, value)``
  pairs in declared order (:func:`freeze`), and as a value a ``dict`` by field name; padding is left out;
* fields that nobody can predict (times) are left out of the values;
* a number of which only the range is known is a :class:`Between`, which equals each number inside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from workloads.base import WorkloadError
from workloads.events import Event

Key = Hashable
Value = Any
Contents = dict[str, dict[Key, Value]]

_MODULES = {
    "network_monitor": "workloads.oracles.network_monitor",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What an oracle has to know besides the events.

    ``max_entries`` is each map's size. ``foreign`` holds the entries that processes outside the workload left in the
    maps, keys frozen: they take up room, and add to what is counted for the whole machine.
    """

    max_entries: Mapping[str, int]
    foreign: Mapping[str, Mapping[Key, Value]] = field(default_factory=dict)

    def room(self, name: str) -> int:
        """How many entries of the workload's own fit into a map."""
        return self.max_entries[name] - len(self.foreign.get(name, ()))


@dataclass(frozen=True, slots=True, eq=False)
class Between:
    """A number from ``low`` to ``high``, both included; equals every number in there."""

    low: int
    high: int

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Between):
            return (self.low, self.high) == (other.low, other.high)
        return isinstance(other, int) and self.low <= other <= self.high

    __hash__ = None  # type: ignore[assignment]  # equal to many numbers, so it cannot have the hash of each

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


Predict = Callable[[Iterable[Event], Context], Contents]


def names() -> tuple[str, ...]:
    """All oracles, in alphabetical order."""
    return tuple(sorted(_MODULES))


def get(name: str) -> Predict:
    """The oracle called ``name``. Raises :class:`WorkloadError` if there is none."""
    if name not in _MODULES:
        raise WorkloadError(f"there is no oracle {name!r}; there are: {', '.join(names())}")
    predict: Predict = import_module(_MODULES[name]).predict
    return predict


def freeze(value: Value) -> Key:
    """A decoded key in the form that can be looked up: dicts become tuples of pairs, lists tuples."""
    if isinstance(value, dict):
        return tuple((name, freeze(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(freeze(part) for part in value)
    key: Key = value
    return key


def agrees(predicted: Value, found: Value) -> bool:
    """Whether a decoded value is what was predicted; fields that were not predicted are not looked at."""
    if isinstance(predicted, dict) and isinstance(found, dict):
        return all(name in found and agrees(part, found[name]) for name, part in predicted.items())
    return bool(predicted == found)
