# SPDX-License-Identifier: Apache-2.0
"""Operations on integers that are known now, as they would turn out when the program runs."""

from __future__ import annotations

from collections.abc import Callable

from honey.analysis.convert import common_signed, wrap
from honey.analysis.values import BoolValue, IntValue, Value, boolean, integer
from honey.ir import nodes as n
from honey.ir import types as t

MOST_POWER = 64
"""The largest exponent: from there on only 0, 1 and -1 have a power that fits."""


def quotient(left: int, right: int) -> int:
    """Division that truncates towards zero."""
    result = abs(left) // abs(right)
    return result if (left < 0) == (right < 0) else -result


def remainder(left: int, right: int) -> int:
    """What division leaves; it has the sign of ``left``."""
    return left - right * quotient(left, right)


def _shift_left(left: int, right: int) -> int:
    return left << right if 0 <= right < 64 else 0 if right > 0 else left >> min(-right, 64)


def _shift_right(left: int, right: int) -> int:
    return left >> min(right, 64) if right >= 0 else _shift_left(left, -right)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": quotient,
    "div": quotient,
    "rem": remainder,
    "&&&": lambda a, b: a & b,
    "|||": lambda a, b: a | b,
    "bxor": lambda a, b: a ^ b,
    "^^^": lambda a, b: a ^ b,
    "<<<": _shift_left,
    ">>>": _shift_right,
    "**": pow,
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "===": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "!==": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def binary(op: str, left: IntValue, right: IntValue) -> Value | None:
    """``left op right`` for two constants in host order; ``None`` where that is not known or raises."""
    a, b = left.constant, right.constant
    if a is None or b is None or left.type.big_endian or right.type.big_endian:
        return None
    if op == "**" and not 0 <= b <= MOST_POWER:
        return None
    type_ = t.S64 if common_signed(left, right) else t.U64
    if left.literal and right.literal:
        if op in ("/", "div", "rem") and b == 0:
            return None
        if op in _ARITHMETIC:
            return _literal(_ARITHMETIC[op](a, b))
        return boolean(_COMPARISONS[op](a, b)) if op in _COMPARISONS else None
    a, b = wrap(a, type_), wrap(b, type_)
    if op in _COMPARISONS:
        return boolean(_COMPARISONS[op](a, b))
    if op not in _ARITHMETIC or (op in ("/", "div", "rem") and b == 0):
        return None
    return IntValue(n.Const(wrap(_ARITHMETIC[op](a, b), type_), type_))


def _literal(value: int) -> IntValue:
    if -(1 << 63) <= value < 1 << 64:
        return integer(value)
    return integer(wrap(value, t.S64))


def unary(op: str, value: Value) -> Value | None:
    """``op value`` for a constant, or ``None``."""
    match op, value:
        case (("!" | "not"), BoolValue()) if value.constant is not None:
            return boolean(not value.constant)
        case "-", IntValue(literal=True) if value.constant is not None:
            return _literal(-value.constant)
        case "+", IntValue(literal=True):
            return value
        case "~~~", IntValue(literal=True) if value.constant is not None:
            return _literal(~value.constant)
        case _:
            return None
