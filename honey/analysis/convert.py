# SPDX-License-Identifier: Apache-2.0
"""Conversions: a value as an expression of a wanted type, and the common type of two integers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from honey.analysis.values import (
    NIL,
    AddressValue,
    AggregateValue,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    NilValue,
    PlainMapValue,
    StringValue,
    TextValue,
    TupleValue,
    UnionValue,
    Value,
    describe,
    type_words,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def cast(expr: n.Expr, type_: t.Type) -> n.Expr:
    """``expr`` as a value of a scalar type; constants are converted now."""
    if expr.type == type_:
        return expr
    if isinstance(expr, n.Const) and isinstance(type_, t.Int) and isinstance(expr.type, t.Int | t.Bool):
        return n.Const(wrap(expr.value, type_), type_, expr.name if wrap(expr.value, type_) == expr.value else "")
    if isinstance(expr, n.Cast) and _only_widens(expr) and _width(type_) >= _width(expr.type):
        return n.Cast(expr.operand, type_) if expr.operand.type != type_ else expr.operand
    return n.Cast(expr, type_)


def _only_widens(expr: n.Cast) -> bool:
    inner, outer = expr.operand.type, expr.type
    return isinstance(inner, t.Int) and isinstance(outer, t.Int) and not inner.signed and inner.bits < outer.bits


def _width(type_: t.Type) -> int:
    return type_.size if isinstance(type_, t.Int) else 0


def wrap(value: int, type_: t.Int) -> int:
    """``value`` as the type's bits hold it."""
    value &= (1 << type_.bits) - 1
    return value - (1 << type_.bits) if type_.signed and value >> (type_.bits - 1) else value


def to_wide(value: IntValue, signed: bool) -> n.Expr:
    """An integer at the width of arithmetic."""
    return cast(value.expr, t.S64 if signed else t.U64)


def common_signed(left: IntValue, right: IntValue) -> bool:
    """Whether an operation on both is signed: unsigned wins, and a literal has no say unless both are literals."""
    if left.literal != right.literal:
        return (right if left.literal else left).type.signed
    return left.type.signed and right.type.signed


def store(fl: Lowering, value: Value, type_: t.Type, span: Span, what: str = "here", code: str = "HNY0200") -> n.Expr:
    """``value`` as an expression of ``type_``, as for a store; ``what`` names the destination in messages.

    Raises ``Mistake`` where there is no such conversion.
    """
    absent = isinstance(type_, t.Address) and isinstance(fl.settled(value), NilValue)
    chosen = _one_of(fl, value, type_, span)
    if chosen is not None:
        return chosen
    value = NIL if absent else fl.required(value, span)
    expr = _store(fl, value, type_, span)
    if expr is None:
        help = _hint(value, type_) or _declared(value, _OPTIONS.get(code))
        raise fl.mistake(code, f"{what} takes {_wanted(type_)}, got {describe(value)}", span, help=help)
    return expr


def _one_of(fl: Lowering, value: Value, type_: t.Type, span: Span) -> n.Expr | None:
    """One of several texts or lists, all of which ``type_`` holds: the one that it is, in a local."""
    from honey.analysis.code import Code, OpenIf

    value = fl.settled(value)
    if not (isinstance(value, UnionValue) and isinstance(type_, t.Chars | t.Array)):
        return None
    if not all(isinstance(each, StringValue | ListValue | MemoryValue) for each in value.alternatives):
        return None
    local = fl.declare("chosen", type_, span)
    rest: Code = []
    for number, each in reversed([*enumerate(value.alternatives)]):
        with fl.block() as code:
            expr = _store(fl, each, type_, span)
        if expr is None:
            return None
        code.append(n.Assign(n.LocalPlace(local), expr, span))
        is_it = n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL)
        last = number == len(value.alternatives) - 1
        rest = code if last else [OpenIf(is_it, code, rest, span)]
    fl.code.extend(rest)
    return n.Read(n.LocalPlace(local), type_)


def _wanted(type_: t.Type) -> str:
    return f"a {type_words(type_)}" if not isinstance(type_, t.Int) else f"{type_words(type_)}"


_OPTIONS = {"HNY0503": "key_type", "HNY0504": "value_type"}
"""The option of a map that says what a diagnostic is about."""


def _declared(value: Value, option: str | None) -> str | None:
    """How a map is declared that takes ``value``."""
    if option is None:
        return None
    match value:
        case MemoryValue() | AggregateValue() if isinstance(value.type, t.Struct):
            return f"declare the map with `{option}: :{value.type.name}`"
        case MemoryValue() | AggregateValue() if isinstance(value.type, t.Chars):
            return f"declare the map with `{option}: {{:string, {value.type.length}}}`"
        case StringValue():
            return f"declare the map with `{option}: {{:string, 16}}`"
        case TextValue() | TupleValue() | PlainMapValue() | ListValue():
            return "make a struct of the parts: `defstruct :key do field(:pid, :u32) end`, and `%key{pid: pid}`"
        case _:
            return None


def _hint(value: Value, type_: t.Type) -> str | None:
    if isinstance(type_, t.Int) and isinstance(value, BoolValue):
        return "write `if x, do: 1, else: 0`"
    if isinstance(type_, t.Bool) and isinstance(value, IntValue):
        return "write `x != 0`"
    if isinstance(type_, t.Struct) and isinstance(value, IntValue):
        return f"build it with `%{type_.name}{{...}}`"
    if isinstance(type_, t.Chars) and isinstance(value, AddressValue):
        space = "user" if value.type.space is t.Space.USER else "kernel"
        return f"read the text that lies there: `probe_read_{space}_str(address, {type_.size})`"
    return None


def _store(fl: Lowering, value: Value, type_: t.Type, span: Span) -> n.Expr | None:
    match type_, value:
        case t.Int(), IntValue():
            return store_int(fl, value, type_, span)
        case t.Int(), AtomValue(name):
            if name.isupper() and not type_.big_endian:
                _warn_misspelt(fl, name, span)
            return fl.unit.atoms.number(name, type_) if not type_.big_endian else None
        case t.Int(64, _, False), AddressValue(expr):
            return n.Cast(expr, type_)
        case t.Bool(), BoolValue(expr):
            return expr
        case t.Address(), AddressValue(expr):
            return cast(expr, type_)
        case t.Address(), NilValue():
            return n.Const(0, type_)
        case t.Address(), IntValue(expr) if not value.type.big_endian:
            return cast(cast(expr, t.U64), type_)
        case t.Address(), MemoryValue(place):
            space = t.Space.STACK if not value.reference else t.Space.MAP
            return n.AddressOf(place, t.Ref(value.type, space))
        case ((t.Struct() | t.Array() | t.Chars()), MemoryValue(place)) if t.interchange(place.type, type_):
            return n.Read(place, place.type)
        case ((t.Struct() | t.Array() | t.Chars()), AggregateValue(expr)) if t.interchange(expr.type, type_):
            return expr
        case t.Chars(length), StringValue(data):
            if len(data) > length:
                raise fl.mistake(
                    "HNY0210", f"this text has {len(data)} bytes, {type_words(type_)} holds {length}", span
                )
            return n.Bytes(data, type_)
        case t.Array(element, length), ListValue(items) if len(items) <= length:
            fields = ((str(i), store(fl, item, element, span)) for i, item in enumerate(items))
            return n.StructValue(tuple(fields), type_)
        case t.Array(t.Int(8), length), StringValue(data) if len(data) <= length:
            return n.Bytes(data, type_)
        case _:
            return None


def _warn_misspelt(fl: Lowering, name: str, span: Span) -> None:
    """An atom in capitals that is a constant of C's but for one character."""
    from honey.diagnostics.suggest import closest
    from honey.kernel import constants

    meant = closest(name, constants.names(), most=1) if "_" in name else None
    if meant is not None:
        what = f"there is no constant {name}, and the atom is stored as a number of its own"
        fl.report.warn("HNY0214", what, span, help=f"did you mean `:{meant}`?")


def store_int(fl: Lowering, value: IntValue, type_: t.Int, span: Span) -> n.Expr:
    """An integer as ``type_``; network order and host order do not mix, except for 0, which is the same in both."""
    have = value.type
    if have.big_endian or type_.big_endian:
        if value.literal and value.constant == 0:
            return n.Const(0, type_)
        if have != type_:
            raise byte_order(fl, have, type_, span)
        return value.expr
    constant = value.constant
    if value.literal and constant is not None and not -(1 << type_.bits - 1) <= constant < 1 << type_.bits:
        fl.report.warn(
            "HNY0206",
            f"{constant} does not fit into {type_words(type_)} and is stored as {wrap(constant, type_)}",
            span,
        )
    return cast(value.expr, type_)


def byte_order(fl: Lowering, have: t.Int, want: t.Int, span: Span) -> Exception:
    """The error for network order where host order is wanted, or the other way round."""
    if have.big_endian and want.big_endian:
        return fl.mistake(
            "HNY0400",
            f"{type_words(have)} and {type_words(want)} have different widths",
            span,
            help="bring one to host order with `Honey.Net` first",
        )
    if have.big_endian:
        call = CONVERSIONS[have.bits][1]
        return fl.mistake(
            "HNY0400",
            f"this {type_words(have)} is in network byte order, and host order is wanted",
            span,
            help=f"convert it: `{conversion(fl, call, span)}`",
        )
    call = CONVERSIONS[want.bits][0]
    return fl.mistake(
        "HNY0400",
        f"this is in host byte order, and {type_words(want)} (network order) is wanted",
        span,
        help=f"convert it: `{conversion(fl, call, span)}`",
    )


def conversion(fl: Lowering, call: str, span: Span) -> str:
    """The call of ``Honey.Net`` that converts what stands at ``span``, as it is to be written."""
    text = fl.report.source.text(span)
    return f"Honey.Net.{call}({text})" if _SHORT.fullmatch(text) else f"Honey.Net.{call}(...)"


def network_span(node: ast.Binary, left: Value, right: Value) -> Span:
    """Where a mistake in byte order is: at the side in network order, if that is one alone."""
    wire = [isinstance(value, IntValue) and value.type.big_endian for value in (left, right)]
    return node.span if wire[0] is wire[1] else node.left.span if wire[0] else node.right.span


_SHORT = re.compile(r"[\w.:@]{1,40}")
"""A name, a field or a number: what can be repeated in a suggestion."""

CONVERSIONS = {16: ("htons", "ntohs"), 32: ("htonl", "ntohl"), 64: ("htonll", "ntohll")}
"""The calls of ``Honey.Net`` by width: host to network, network to host."""
