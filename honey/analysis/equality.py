# SPDX-License-Identifier: Apache-2.0
"""``==``: which pairs of values can be equal, and the condition that tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import convert
from honey.analysis.scope import AtomFact, OptionalFact, UnionFact
from honey.analysis.values import (
    AddressValue,
    AggregateValue,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    NilValue,
    OptionalValue,
    PlainMapValue,
    RangeValue,
    RestValue,
    RuntimeAtom,
    StringValue,
    TextValue,
    TupleValue,
    UnionValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax.source import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from honey.analysis.conditions import Condition
    from honey.analysis.lowering import Lowering

_MOST_BYTES = 64
"""Longest memory that is compared, byte by byte."""

_COMPARE_PARTS = "compare the values that stand in it"


def is_text(value: Value) -> bool:
    """Whether a value is text, in memory or not."""
    if isinstance(value, MemoryValue | AggregateValue):
        return isinstance(value.type, t.Chars)
    return isinstance(value, StringValue | TextValue | RestValue)


def peek(fl: Lowering, value: OptionalValue) -> Value:
    """What an optional value is if it is there, to be evaluated only behind a test."""
    snapshot = value.snapshot
    if snapshot is not None and snapshot.epoch != fl.epoch and snapshot.early is None:
        fl._take_early(value, snapshot)
    if snapshot is not None and snapshot.early is not None:
        return snapshot.early
    return value.present


def equal(fl: Lowering, left: Value, right: Value, span: Span) -> Condition:
    """Whether two values are equal, as Elixir sees it: values of different kinds never are."""
    from honey.analysis.conditions import Condition, both, either, is_nil, known

    left, right = fl.settled(left), fl.settled(right)
    match left, right:
        case (UnionValue() as union, other) | (other, UnionValue() as union):
            return _equal_union(fl, union, other, span)
        case (other, NilValue()) | (NilValue(), other):
            return is_nil(fl, other, span)
        case (OptionalValue() as optional, other) | (other, OptionalValue() as optional):
            from honey.analysis.code import negate

            there = Condition(negate(optional.is_nil), (OptionalFact(optional, True),))
            same = both(there, equal(fl, peek(fl, optional), other, span))
            if isinstance(other, OptionalValue):  # `other` is then what stands on the right
                return either(both(Condition(optional.is_nil), Condition(other.is_nil)), same)
            return same
        case IntValue(), IntValue():
            return _equal_integers(fl, left, right, span)
        case BoolValue(one), BoolValue(other):
            return _compare(one, other)
        case AtomValue(), AtomValue():
            return known(left == right)
        case (RuntimeAtom() as atom, AtomValue(name)) | (AtomValue(name), RuntimeAtom() as atom):
            return _equal_atom(fl, atom, name)
        case RuntimeAtom(), RuntimeAtom():
            return _compare(left.expr, right.expr)
        case AddressValue(one), (AddressValue() | IntValue()) as other:
            return _compare(n.Cast(one, t.U64), _as_number(fl, other, span))
        case IntValue(), AddressValue(one):
            return _compare(_as_number(fl, left, span), n.Cast(one, t.U64))
        case StringValue(), StringValue():
            return known(left == right)
        case (MemoryValue() | AggregateValue() as memory, StringValue(data)) | (
            StringValue(data),
            MemoryValue() | AggregateValue() as memory,
        ):
            return _equal_text(fl, memory, data, span)
        case (RestValue(text, start), StringValue(data)) | (StringValue(data), RestValue(text, start)):
            return _equal_text(fl, text, data, span, start)
        case ((MemoryValue() | AggregateValue()), (MemoryValue() | AggregateValue())):
            return _equal_memory(fl, left, right, span)
        case TupleValue(ones), TupleValue(others):
            return _all_equal(fl, ones, others, span)
        case ListValue(ones), ListValue(others):
            return _all_equal(fl, ones, others, span)
        case PlainMapValue(ones), PlainMapValue(others):
            left_fields, right_fields = dict(ones), dict(others)
            if left_fields.keys() != right_fields.keys():
                return known(False)
            names = sorted(left_fields)
            return _all_equal(fl, [left_fields[k] for k in names], [right_fields[k] for k in names], span)
        case RangeValue(), RangeValue():
            return known(left == right)
        case (TextValue(), other) | (other, TextValue()) if is_text(other):
            raise fl.mistake(
                "HNY0200", f"{describe(TextValue(()))} can only be printed, not compared", span, help=_COMPARE_PARTS
            )
        case (IntValue(), BoolValue()) | (BoolValue(), IntValue()):
            if fl.is_told:
                help = "a truth value needs no comparison: `if flag do`, `if !flag do`"
                fl.report.warn("HNY0214", "a truth value never equals an integer", span, help=help)
            return known(False)
        case (IntValue(), AtomValue(name)) | (AtomValue(name), IntValue()):
            _warn_unknown_constant(fl, name, span)
            return known(False)
        case _:
            return known(False)


def _warn_unknown_constant(fl: Lowering, name: str, span: Span) -> None:
    """An atom in capitals beside an integer is meant to be one of C's constants."""
    if name.isupper():
        from honey.analysis.unknown import for_constant

        help = for_constant(fl, name)
        fl.report.warn("HNY0214", f"there is no constant {name}, and an integer never equals an atom", span, help=help)


def _equal_atom(fl: Lowering, atom: RuntimeAtom, name: str) -> Condition:
    from honey.analysis.conditions import Condition, known

    possible = fl.scope.atoms(atom)
    if name not in possible or len(possible) == 1:
        return known(name in possible)
    test = _compare(atom.expr, fl.unit.atoms.number(name, t.U64))
    return Condition(test.expr, (AtomFact(atom, frozenset({name})),), (AtomFact(atom, possible - {name}),))


def _as_number(fl: Lowering, value: AddressValue | IntValue, span: Span) -> n.Expr:
    if isinstance(value, IntValue) and value.type.big_endian:
        raise convert.byte_order(fl, value.type, t.U64, span)
    return n.Cast(value.expr, t.U64) if isinstance(value, AddressValue) else convert.cast(value.expr, t.U64)


def _compare(left: n.Expr, right: n.Expr) -> Condition:
    from honey.analysis.conditions import Condition, known

    if isinstance(left, n.Const) and isinstance(right, n.Const):
        return known(left.value == right.value)
    return Condition(n.Binary(n.BinaryOp.EQ, left, right, t.BOOL))


def _equal_integers(fl: Lowering, left: IntValue, right: IntValue, span: Span) -> Condition:
    one, other = same_type(fl, left, right, span)
    return _compare(one, other)


def same_type(fl: Lowering, left: IntValue, right: IntValue, span: Span) -> tuple[n.Expr, n.Expr]:
    """Two integers as expressions of one type, in which they compare as at full width."""
    if left.type.big_endian or right.type.big_endian:
        return _in_network_order(fl, left, right, span)
    if left.type == right.type and not left.literal and not right.literal:
        return left.expr, right.expr
    for literal, typed, swapped in ((right, left, False), (left, right, True)):
        value = literal.constant
        if literal.literal and value is not None and not typed.literal and convert.wrap(value, typed.type) == value:
            constant = convert.cast(literal.expr, typed.type)
            return (constant, typed.expr) if swapped else (typed.expr, constant)
    signed = convert.common_signed(left, right)
    return convert.to_wide(left, signed), convert.to_wide(right, signed)


def _in_network_order(fl: Lowering, left: IntValue, right: IntValue, span: Span) -> tuple[n.Expr, n.Expr]:
    if left.type == right.type:
        return left.expr, right.expr
    wire, other = (left, right) if left.type.big_endian else (right, left)
    if other.literal and other.constant == 0:
        return wire.expr, n.Const(0, wire.type)
    raise convert.byte_order(fl, wire.type, other.type, span)


def _all_equal(fl: Lowering, ones: Sequence[Value], others: Sequence[Value], span: Span) -> Condition:
    from honey.analysis.conditions import both, known

    if len(ones) != len(others):
        return known(False)
    result = known(True)
    for one, other in zip(ones, others, strict=True):
        result = both(result, equal(fl, one, other, span))
    return result


def _equal_union(fl: Lowering, union: UnionValue, other: Value, span: Span) -> Condition:
    from honey.analysis.conditions import Condition, both, either, known

    result = known(False)
    matching: set[int] = set()
    for number in sorted(fl.scope.alternatives(union)):
        inner = equal(fl, union.alternatives[number], other, span)
        if inner.constant is not False:
            matching.add(number)
        here = Condition(n.Binary(n.BinaryOp.EQ, union.tag, n.Const(number, t.U64), t.BOOL))
        result = either(result, both(here, inner))
    return Condition(result.expr, (UnionFact(union, frozenset(matching)),))


def _equal_text(
    fl: Lowering, memory: MemoryValue | AggregateValue, data: bytes, span: Span, start: int = 0
) -> Condition:
    type_ = memory.type
    if not isinstance(type_, t.Chars | t.Array) or start + len(data) > type_.size:
        from honey.analysis.conditions import known

        if isinstance(type_, t.Chars) and fl.is_told:
            what = f"{describe(memory)} never equals a text of {len(data)} bytes"
            fl.report.warn("HNY0215", what, span, help=f"compare the first {type_.size - 1} bytes")
        return known(False)
    text = data + b"\0" if start + len(data) < type_.size else data
    return bytes_equal(fl, memory, text, span, start)


def bytes_equal(
    fl: Lowering, memory: MemoryValue | AggregateValue, data: bytes, span: Span, start: int = 0
) -> Condition:
    """Whether ``data`` is what lies in memory from ``start`` on."""
    from honey.analysis.conditions import both, known

    if len(data) > _MOST_BYTES:
        raise fl.mistake("HNY0200", f"at most {_MOST_BYTES} bytes can be compared", span)
    from honey.analysis.access import place_of

    place = place_of(fl, memory, span)
    result = known(True)
    for index, byte in enumerate(data, start):
        element = n.IndexPlace(place, n.Const(index, t.U64), t.U8)
        result = both(result, _compare(n.Read(element, t.U8), n.Const(byte, t.U8)))
    return result


def _equal_memory(
    fl: Lowering, left: MemoryValue | AggregateValue, right: MemoryValue | AggregateValue, span: Span
) -> Condition:
    from honey.analysis.access import place_of
    from honey.analysis.conditions import known

    if not t.interchange(left.type, right.type):
        return known(False)
    if left.type.size > _MOST_BYTES * 8:
        raise fl.mistake("HNY0200", f"{describe(left)} is too large to be compared", span)
    return _equal_places(fl, place_of(fl, left, span), place_of(fl, right, span), span)


def _equal_places(fl: Lowering, left: n.Place, right: n.Place, span: Span) -> Condition:
    from honey.analysis.conditions import both, known

    type_ = left.type
    result = known(True)
    if isinstance(type_, t.Struct):
        definition = fl.unit.module.structs.definition(type_)
        for field in definition.fields if definition is not None else ():
            if not field.padding:
                inner = [n.FieldPlace(place, field.name, field.type) for place in (left, right)]
                result = both(result, _equal_places(fl, inner[0], inner[1], span))
        return result
    if isinstance(type_, t.Array | t.Chars):
        if type_.length > _MOST_BYTES:
            raise fl.mistake("HNY0200", f"at most {_MOST_BYTES} elements can be compared", span)
        elements = [place.type.element if isinstance(place.type, t.Array) else t.U8 for place in (left, right)]
        for index in range(type_.length):
            at = n.Const(index, t.U64)
            one, other = (n.IndexPlace(p, at, e) for p, e in zip((left, right), elements, strict=True))
            result = both(result, _equal_places(fl, one, other, span))
        return result
    return _compare(n.Read(left, type_), n.Read(right, right.type))
