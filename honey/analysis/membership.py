# SPDX-License-Identifier: Apache-2.0
"""``x in [a, b]`` and ``x in 1..9``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import equality, loops, volatility
from honey.analysis.conditions import Condition, both, either, known
from honey.analysis.values import IntValue, ListValue, RangeValue, StringValue, describe, integer
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def contains(fl: Lowering, left: ast.Node, right: ast.Node, span: Span) -> Condition:
    """Whether the value of ``left`` is among those of ``right``, whose length is known now."""
    value, collection = fl.operands((left, right))
    if isinstance(collection, RangeValue):
        number = fl.required(value, left.span)
        if not isinstance(number, IntValue):
            return known(False)
        return in_range(fl, number, collection, span)
    if loops.array_length(collection) is not None:
        collection = ListValue(tuple(loops.elements(fl, collection, right.span)))
    if not isinstance(collection, ListValue):
        raise fl.mistake("HNY0200", f"`in` looks into lists and ranges, not into {describe(collection)}", right.span)
    value = volatility.pinned(fl, fl.settled(value), "")
    if isinstance(value, IntValue) and fl.is_told and any(isinstance(item, StringValue) for item in collection.items):
        help = "an IPv4 address is a number: `Honey.Net.htonl(0x0A000001)`" if value.type == t.BE32 else None
        fl.report.warn("HNY0215", f"{describe(value)} never equals a text", span, help=help)
    result = known(False)
    for item in collection.items:
        result = either(result, equality.equal(fl, value, item, span))
    return Condition(result.expr)


def in_range(fl: Lowering, number: IntValue, wanted: RangeValue, span: Span) -> Condition:
    """Whether an integer lies in a range."""
    numbers = wanted.numbers
    if not numbers:
        return known(False)
    pinned = volatility.pinned(fl, number, "")
    assert isinstance(pinned, IntValue)
    low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
    result = both(
        _compare(fl, n.BinaryOp.GE, pinned, low, span),
        _compare(fl, n.BinaryOp.LE, pinned, high, span),
    )
    if abs(wanted.step) > 1:
        from honey.analysis import arithmetic

        offset = arithmetic.calculate(fl, "-", pinned, integer(low), span)
        rest = arithmetic.calculate(fl, "rem", offset, integer(abs(wanted.step)), span)
        result = both(result, equality.equal(fl, rest, integer(0), span))
    return result


def _compare(fl: Lowering, op: n.BinaryOp, value: IntValue, bound: int, span: Span) -> Condition:
    if not value.type.signed and not value.literal:
        if op is n.BinaryOp.GE and bound <= 0:
            return known(True)
        if op is n.BinaryOp.LE and bound < 0:
            return known(False)
    return _binary(fl, op, value, bound, span)


def _binary(fl: Lowering, op: n.BinaryOp, value: IntValue, bound: int, span: Span) -> Condition:
    from honey.analysis import arithmetic

    return Condition(arithmetic.compare(fl, op, value, integer(bound), span).expr)
