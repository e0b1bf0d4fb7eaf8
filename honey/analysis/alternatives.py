# SPDX-License-Identifier: Apache-2.0
"""What is done with a value of several kinds by doing it with the one that it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import conditions
from honey.analysis.errors import Mistake
from honey.analysis.storage import Join
from honey.analysis.values import UnionValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def of_each(fl: Lowering, value: Value, made: Callable[[Value], Value], span: Span, name: str = "") -> Value:
    """What ``made`` gives for ``value``: for each of the kinds that it may be, in a branch of its own."""
    value = fl.settled(value)
    if not isinstance(value, UnionValue):
        return made(value)
    numbers = sorted(fl.scope.alternatives(value))
    if len(numbers) == 1:
        return made(value.alternatives[numbers[0]])
    sink = Join(fl, name, span)
    _from(fl, value, numbers, made, sink, span)
    return sink.result(fl)


def _from(
    fl: Lowering, value: UnionValue, numbers: list[int], made: Callable[[Value], Value], sink: Join, span: Span
) -> None:
    first, *rest = numbers
    if not rest:
        _one(fl, value.alternatives[first], made, sink, span)
        return
    here = conditions.Condition(n.Binary(n.BinaryOp.EQ, value.tag, n.Const(first, t.U64), t.BOOL))
    conditions.branch_on(
        fl,
        here,
        lambda: _one(fl, value.alternatives[first], made, sink, span),
        lambda: _from(fl, value, rest, made, sink, span),
        span,
    )


def _one(fl: Lowering, value: Value, made: Callable[[Value], Value], sink: Join, span: Span) -> None:
    """What a guard would raise for, it is false for; other kinds may hold."""
    try:
        sink.take_value(fl, made(value), span)
    except Mistake as mistake:
        if not fl.in_guard or not mistake.raises:
            raise
        fl.code.append(fl.throw("ArgumentError", "", span))
