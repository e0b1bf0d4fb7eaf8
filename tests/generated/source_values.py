# SPDX-License-Identifier: Apache-2.0
"""What a program of the language calculates with, for `source_evaluator`, and what becomes of it where values meet."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from typing import Any

from source_memory import WORD, Network, Number, View

from honey.syntax import ast

Value = Any
"""`Number`, `Network`, `View`, `Symbol`, a bool, ``None`` (nil), a tuple, a list, a `Function`; `NEVER`, `UNKNOWN`."""

Scope = ChainMap[str, Value]


@dataclass(frozen=True, slots=True)
class Symbol:
    """An atom."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """An anonymous function."""

    node: ast.Fn
    scope: Scope


NEVER, UNKNOWN = Symbol("(never)"), Symbol("(unknown)")


class Raised(Exception):
    """What ends the handler with 0."""


class Unspecified(Exception):
    """The language page leaves open what this gives."""


class Returned(Exception):
    """``return(value)``."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


def common(left: Number, right: Number) -> tuple[bool, bool]:
    """Whether an operation on both is signed, and whether that is open.

    Unsigned wins; a literal takes the type of what it meets.
    """
    for one, other in ((left, right), (right, left)):
        if one.loose:
            known = not (other.loose or other.literal or other.signed)
            return not known, not known
        if one.literal and not other.literal:
            return other.signed, other.loose
    return left.signed and right.signed, False


def met(left: Value, right: Value) -> Value:
    """``left`` with the type that it has where it meets ``right``."""
    if left is NEVER:
        return right
    if right is NEVER or right is None or left is None:
        return left
    match left, right:
        case Number(), Number():
            if left.literal and left == right:
                return left
            signed, loose = common(left, right)
            return Number(left.bits, signed, loose=loose or left.literal or right.literal)
        case tuple() | list(), tuple() | list() if len(left) == len(right):
            return type(left)(met(one, other) for one, other in zip(left, right, strict=True))
        case View(), View() if left.home != right.home or "local" in (left.home, right.home):
            return copied(left)
        case _:
            return left


def copied(view: View, size: int | None = None) -> View:
    """A struct of its own."""
    end = None if size is None else view.offset + size
    return View(view.type, "local", bytearray(view.memory[view.offset : end]))


def truthy(value: Value) -> bool:
    return value is not None and value is not False


def passed(value: Value) -> Value:
    """An argument: a literal has no type of its own."""
    if isinstance(value, Number) and value.literal:
        return Number(value.bits, value.signed, loose=True)
    return type(value)(map(passed, value)) if isinstance(value, tuple | list) else value


def is_own(value: Value) -> bool:
    """Whether a value is a struct that is copied where it is bound."""
    return isinstance(value, View) and value.home == "local"


def without_bits(value: Value) -> Value:
    """The type of a value."""
    if isinstance(value, Number):
        return Number(None, value.signed, loose=value.loose)
    return Network(None, value.width) if isinstance(value, Network) else value


def kind_of(value: Value) -> object:
    """What makes two arguments the same to the types in a function."""
    if isinstance(value, View):
        return value.type, value.home
    if isinstance(value, tuple | list):
        return tuple(map(kind_of, value))
    return without_bits(value) if isinstance(value, Number | Network) else type(value).__name__


def literal(value: int) -> Number:
    """What literals come to is exact, as in Elixir, as far as 64 bits hold it."""
    exact = -WORD // 2 <= value < WORD
    return Number(value % WORD, value % WORD < WORD // 2 if not exact else value < WORD // 2, literal=True)


def of_literals(op: str, left: int, right: int) -> Number | bool:
    """An operation on two literals."""
    if op in ("<<<", ">>>"):
        return literal(shifted(op, left, right))
    if op in COMPARISONS:
        return bool(COMPARISONS[op](left, right))
    if op in ("div", "rem") and right == 0:
        raise Raised
    return literal(int(ARITHMETIC[op](left, right)))


def operation(op: str, left: Number, right: Number, signed: bool) -> int | bool:
    """The bits, or the outcome of a comparison."""
    if op in ("<<<", ">>>"):
        if right.loose and not 0 <= right.value < 64:
            raise Unspecified
        count = right.value if right.literal else right.value % 64
        return shifted(op, Number(left.bits, signed).value, count) % WORD
    a, b = (Number(each.bits, signed).value for each in (left, right))
    if op in COMPARISONS:
        return bool(COMPARISONS[op](a, b))
    if op in ("div", "rem") and b == 0:
        raise Raised
    return int(ARITHMETIC[op](a, b)) % WORD


def shifted(op: str, value: int, count: int) -> int:
    """A literal amount may be more than the width, or negative; any other counts modulo 64."""
    left = (op == "<<<") is (count >= 0)
    if left and abs(count) > 63:
        return 0
    return value << abs(count) if left else value >> min(abs(count), 64)


def divided(a: int, b: int) -> int:
    """Towards zero, as C divides."""
    return abs(a) // abs(b) * (1 if (a < 0) is (b < 0) else -1)


COMPARISONS: dict[str, Any] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
ARITHMETIC: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&&&": lambda a, b: a & b,
    "|||": lambda a, b: a | b,
    "bxor": lambda a, b: a ^ b,
    "div": divided,
    "rem": lambda a, b: a - divided(a, b) * b,
    "max": max,
    "min": min,
}
