# SPDX-License-Identifier: Apache-2.0
"""Kinds of values in generated expressions, and the patterns that take them apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Number:
    """An integer."""


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` or ``false``."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One of a few atoms."""


@dataclass(frozen=True, slots=True)
class Point:
    """``%point{}``, whose fields are numbers."""


@dataclass(frozen=True, slots=True)
class Text:
    """One of a few texts."""


@dataclass(frozen=True, slots=True)
class Record:
    """A map with the keys `k` and `l`."""

    k: Kind
    l: Kind  # noqa: E741  # the key's name


@dataclass(frozen=True, slots=True)
class Function:
    """An anonymous function of a number."""

    result: Kind


@dataclass(frozen=True, slots=True)
class Maybe:
    """A value or nil."""

    inner: Kind


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple."""

    items: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class List:
    """A list whose length is known."""

    items: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """``{:ok, value}``, ``{:error, value}`` or ``:none``."""

    ok: Kind
    error: Kind


Kind = Number | Truth | Atom | Text | Point | Record | Function | Maybe | Tuple | List | Result
Env = dict[str, Kind]
"""The names that are bound, and what they are."""

ATOMS = (":ok", ":error", ":none")
TEXTS = ('"a"', '"ab"', '"abc"', '"xyz"', '""')


class Chance:
    """What the generator decides: numbers come from ``draw``, a function of the number of choices."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        """Decisions by ``draw``, which gives a number below its argument."""
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        """A number between ``low`` and ``high``."""
        return low + self._draw(high - low + 1)

    def one_in(self, count: int) -> bool:
        """True once in ``count`` times."""
        return self._draw(count) == count - 1

    def pick(self, choices: list[_T] | tuple[_T, ...]) -> _T:
        """One of several."""
        return choices[self._draw(len(choices))]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, what it binds, and whether it always matches."""

    text: str
    bound: Env
    sure: bool


def pattern(chance: Chance, kind: Kind, env: Env, depth: int = 2) -> Pattern:
    """A pattern for a value of ``kind``; ``env`` has the names that may be pinned."""
    if chance.one_in(3) or depth == 0:
        return _name(chance, kind)
    match kind:
        case Number():
            return _number(chance, env)
        case Truth():
            return Pattern(chance.pick(("true", "false")), {}, False)
        case Atom():
            return Pattern(chance.pick(ATOMS), {}, False)
        case Text():
            if chance.one_in(2):
                return Pattern(chance.pick(TEXTS), {}, False)
            rest = _name(chance, kind)
            return Pattern(f"{chance.pick(TEXTS[:2])} <> {rest.text}", rest.bound, False)
        case Record(k, l):
            field, of = chance.pick((("k", k), ("l", l)))
            value = pattern(chance, of, env, depth - 1)
            return Pattern(f"%{{{field}: {value.text}}}", value.bound, value.sure)
        case Function():
            return _name(chance, kind)
        case Maybe(inner):
            if chance.one_in(2):
                return Pattern("nil", {}, False)
            if isinstance(inner, Tuple | List):
                return replace(pattern(chance, inner, env, depth - 1), sure=False)
            return Pattern("_", {}, True)
        case Tuple(items):
            return _sequence(chance, items, env, depth, "{%s}")
        case List(items):
            return _list(chance, items, env, depth)
        case Point():
            found, field = pattern(chance, Number(), env, 1), chance.pick(("x", "y"))
            return Pattern(f"%point{{{field}: {found.text}}}", found.bound, found.sure)
        case Result(ok, error):
            return _result(chance, ok, error, env, depth)


def _name(chance: Chance, kind: Kind) -> Pattern:
    if chance.one_in(4):
        return Pattern("_", {}, True)
    name = chance.pick(("a", "b", "x", "y", "z", "p", "q"))
    return Pattern(name, {name: kind}, True)


def _number(chance: Chance, env: Env) -> Pattern:
    names = [name for name, kind in env.items() if isinstance(kind, Number)]
    if names and chance.one_in(3):
        return Pattern(f"^{chance.pick(names)}", {}, False)
    return Pattern(str(chance.number(-2, 7)), {}, False)


def _joined(parts: list[Pattern]) -> tuple[Env, bool]:
    bound: Env = {}
    sure = all(part.sure for part in parts)
    for part in parts:
        sure = sure and not bound.keys() & part.bound.keys()
        bound.update({name: kind for name, kind in part.bound.items() if name not in bound})
    return bound, sure


def _sequence(chance: Chance, items: tuple[Kind, ...], env: Env, depth: int, form: str) -> Pattern:
    parts = [pattern(chance, item, env, depth - 1) for item in items]
    bound, sure = _joined(parts)
    return Pattern(form % ", ".join(part.text for part in parts), bound, sure)


def _list(chance: Chance, items: tuple[Kind, ...], env: Env, depth: int) -> Pattern:
    if not items or chance.one_in(2):
        return _sequence(chance, items, env, depth, "[%s]")
    parts = [pattern(chance, items[0], env, depth - 1), _name(chance, List(items[1:]))]
    bound, sure = _joined(parts)
    return Pattern(f"[{parts[0].text} | {parts[1].text}]", bound, sure)


def _result(chance: Chance, ok: Kind, error: Kind, env: Env, depth: int) -> Pattern:
    tag, kind = chance.pick(((":ok", ok), (":error", error), (":none", None)))
    if kind is None:
        return Pattern(":none", {}, False)
    inner = pattern(chance, kind, env, depth - 1)
    return Pattern(f"{{{tag}, {inner.text}}}", inner.bound, False)
