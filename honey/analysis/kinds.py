# SPDX-License-Identifier: Apache-2.0
"""``is_integer`` and its like: of which kind a value is, where that is known only when the program runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import equality
from honey.analysis.code import negate
from honey.analysis.conditions import Condition, both, either, known
from honey.analysis.scope import OptionalFact, UnionFact
from honey.analysis.values import (
    NIL,
    AggregateValue,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    NilValue,
    OptionalValue,
    PlainMapValue,
    RestValue,
    RuntimeAtom,
    StringValue,
    TextValue,
    TupleValue,
    UnionValue,
    Value,
)
from honey.ir import nodes as n
from honey.ir import types as t

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

Kind = Callable[[Value], bool]


def _one_of(*classes: type) -> Kind:
    return lambda value: isinstance(value, classes)


def _stored_as(value: Value, type_: type) -> bool:
    return isinstance(value, MemoryValue | AggregateValue) and isinstance(value.type, type_)


TESTS: dict[str, Kind] = {
    "is_integer": _one_of(IntValue),
    "is_number": _one_of(IntValue),
    "is_boolean": _one_of(BoolValue),
    "is_atom": _one_of(AtomValue, RuntimeAtom, NilValue, BoolValue),
    "is_tuple": _one_of(TupleValue),
    "is_list": lambda value: isinstance(value, ListValue) or _stored_as(value, t.Array),
    "is_binary": lambda value: isinstance(value, StringValue | TextValue | RestValue) or _stored_as(value, t.Chars),
    "is_map": lambda value: isinstance(value, PlainMapValue) or _stored_as(value, t.Struct),
    "is_struct": lambda value: _stored_as(value, t.Struct),
}
"""Elixir's tests of a value's kind, by name. What lies in memory is what one would use in its place in Elixir."""


def tested(fl: Lowering, value: Value, kind: Kind) -> Condition:
    """Whether ``value`` is of a kind; what may be nil, or of several kinds, is known better behind the test."""
    value = fl.settled(value)
    match value:
        case OptionalValue():
            present, absent = OptionalFact(value, True), OptionalFact(value, False)
            there = Condition(negate(value.is_nil), (present,), (absent,))
            inner, of_nil = tested(fl, equality.peek(fl, value), kind), kind(NIL)
            if inner.constant is of_nil:
                return inner
            return either(there.negated, inner) if of_nil else both(there, inner)
        case UnionValue(alternatives=alternatives):
            possible = fl.scope.alternatives(value)
            result, true, false = known(False), set[int](), set[int]()
            for number in sorted(possible):
                test = tested(fl, alternatives[number], kind)
                true |= {number} if test.constant is not False else set()
                false |= {number} if test.constant is not True else set()
                here = Condition(n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL))
                result = either(result, both(here, test))
            if not true or not false:
                return known(bool(true))
            return Condition(result.expr, (UnionFact(value, frozenset(true)),), (UnionFact(value, frozenset(false)),))
        case _:
            return known(kind(value))
