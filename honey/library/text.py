# SPDX-License-Identifier: Apache-2.0
"""Text: ``String``, ``byte_size`` of what a ``char[n]`` holds, and the rest of a text behind a prefix.

A text in memory ends with its first zero byte, or where the memory does, as for ``==``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import conditions, constants, convert, loops, patterns
from honey.analysis.access import place_of
from honey.analysis.conditions import Condition, either, known
from honey.analysis.values import (
    AggregateValue,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    NilValue,
    RangeValue,
    RuntimeAtom,
    StringValue,
    TextValue,
    UnionValue,
    Value,
    integer,
)
from honey.analysis.volatility import space_of
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import Table


def byte_size(fl: Lowering, value: MemoryValue | AggregateValue, span: Span, name: str) -> IntValue:
    """How many bytes stand before the zero byte of a ``char[n]``; the verifier sees each of the ``n`` looked at."""
    place = _in_reach(fl, value, span)
    length = n.LocalPlace(fl.fresh(name or "length", t.S64))
    fl.code.append(n.Let(length.local, n.Const(0, t.S64), span))
    fl.owned.add(length.local.id)
    count = n.Read(length, t.S64)

    def turn(key: Value) -> None:
        assert isinstance(key, IntValue)
        at = convert.to_wide(key, signed=False)
        all_before = n.Binary(n.BinaryOp.EQ, count, convert.to_wide(key, signed=True), t.BOOL)
        here = n.Binary(n.BinaryOp.NE, n.Read(n.IndexPlace(place, at, t.U8), t.U8), n.Const(0, t.U8), t.BOOL)
        goes_on = Condition(n.Binary(n.BinaryOp.LAND, all_before, here, t.BOOL))
        more = n.Binary(n.BinaryOp.ADD, count, n.Const(1, t.S64), t.S64)
        conditions.branch_on(fl, goes_on, lambda: fl.assign(length, more, span), None, span)

    loops.each(fl, RangeValue(0, value.type.size - 1, 1), turn, span)
    return IntValue(count)


def behind(fl: Lowering, name: str, value: MemoryValue | AggregateValue, start: int, span: Span) -> MemoryValue:
    """A copy of a text without its first ``start`` bytes, of which there are more, called ``name``."""
    place = _in_reach(fl, value, span)
    rest = n.LocalPlace(fl.declare(name, t.Chars(value.type.size - start), span))

    def turn(key: Value) -> None:
        assert isinstance(key, IntValue)
        at = convert.to_wide(key, signed=False)
        source = n.IndexPlace(place, n.Binary(n.BinaryOp.ADD, at, n.Const(start, t.U64), t.U64), t.U8)
        fl.assign(n.IndexPlace(rest, at, t.U8), n.Read(source, t.U8), span)

    loops.each(fl, RangeValue(0, rest.type.size - 1, 1), turn, span)
    if name in fl.changed_names:
        fl.owned.add(rest.local.id)
    return MemoryValue(rest)


def _in_reach(fl: Lowering, value: MemoryValue | AggregateValue, span: Span) -> n.Place:
    """Where a text lies, or a copy: in a packet or a context the verifier allows no number that is only known later."""
    place = place_of(fl, value, span)
    if space_of(place) not in (t.Space.PACKET, t.Space.CONTEXT):
        return place
    return fl.let("text", n.Read(place, place.type), span).place


def _length(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``String.length(text)`` of a text that is known now; bytes alone do not tell where characters end."""
    del name
    value = fl.required(fl.value(node.args[0]), node.args[0].span)
    if isinstance(value, StringValue) and value.data.isascii():
        return integer(len(value.data))
    if isinstance(value, StringValue | TextValue | MemoryValue | AggregateValue):
        raise fl.mistake(
            "HNY0200",
            "the characters of a text can be counted only where the compiler knows it",
            node.span,
            help="`byte_size` counts its bytes",
        )
    raise fl.mismatch("a string", value, node.args[0].span)


def of_atoms(fl: Lowering, value: RuntimeAtom, prefix: str = "") -> UnionValue:
    """The one of several atoms that a value is, as text."""
    names = sorted(fl.scope.atoms(value))
    tag: n.Expr = n.Const(len(names) - 1, t.U64)
    for number, name in reversed([*enumerate(names[:-1])]):
        here = n.Binary(n.BinaryOp.EQ, value.expr, fl.unit.atoms.number(name, t.U64), t.BOOL)
        tag = n.Select(here, n.Const(number, t.U64), tag, t.U64)
    return UnionValue(fl.let("", tag, None), tuple(StringValue((prefix + name).encode()) for name in names))


def of_truth(value: BoolValue) -> UnionValue:
    """A truth value as text."""
    return UnionValue(n.Cast(value.expr, t.U64), (StringValue(b"false"), StringValue(b"true")))


def size_of_one(value: UnionValue) -> IntValue | None:
    """How many bytes the one of several texts has that a value is; ``None`` where they are not all known now."""
    sizes = [len(each.data) for each in value.alternatives if isinstance(each, StringValue)]
    if len(sizes) < len(value.alternatives):
        return None
    result: n.Expr = n.Const(sizes[-1], t.S64)
    for number, size in reversed([*enumerate(sizes[:-1])]):
        here = n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL)
        result = n.Select(here, n.Const(size, t.S64), result, t.S64)
    return IntValue(result)


def shown(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``to_string(x)``, and ``inspect(x)``, which is for people: as in a text that is printed."""
    del name
    value = fl.settled(fl.value(node.args[0]))
    quoted = node.name == "inspect"
    if isinstance(value, NilValue):
        return StringValue(b"nil" if quoted else b"")
    value = fl.required(value, node.args[0].span, "Protocol.UndefinedError")
    match value:
        case StringValue(data):
            return StringValue(b'"' + data + b'"') if quoted else value
        case RuntimeAtom():
            return of_atoms(fl, value, ":" if quoted else "")
        case AtomValue(name=atom):
            return StringValue((f":{atom}" if quoted else atom).encode())
        case IntValue() | BoolValue() if (known := constants.text_of(value)) is not None:
            return StringValue(known.encode())
        case BoolValue():
            return of_truth(value)
        case MemoryValue() | AggregateValue() if isinstance(value.type, t.Chars):
            return TextValue(('"', value, '"')) if quoted else value
        case TextValue():
            return value
        case _:
            return TextValue((value,))


def _to_atom(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``String.to_atom(text)`` of a text that is known now."""
    del name
    value = fl.required(fl.value(node.args[0]), node.args[0].span)
    if isinstance(value, StringValue):
        return constants.atom(value.data.decode(errors="surrogateescape"))
    raise fl.mismatch("a string that is known now", value, node.args[0].span)


def _starts_with(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``String.starts_with?(text, "prefix")``, or one of a list of prefixes."""
    del name
    operands = zip(fl.operands(node.args), node.args, strict=True)
    text, prefix = (fl.required(value, arg.span) for value, arg in operands)
    if not isinstance(text, StringValue) and not (
        isinstance(text, MemoryValue | AggregateValue) and isinstance(text.type, t.Chars | t.Array)
    ):
        raise fl.mismatch("a string", text, node.args[0].span)
    result = known(False)
    for each in prefix.items if isinstance(prefix, ListValue) else (prefix,):
        if not isinstance(each, StringValue):
            raise fl.mismatch("a prefix that is known now", each, node.args[1].span)
        result = either(result, patterns.prefixed(fl, text, each.data, node.args[0].span))
    return BoolValue(result.expr)


TABLES: dict[str, Table] = {
    "String": {("length", 1): _length, ("starts_with?", 2): _starts_with, ("to_atom", 1): _to_atom}
}
