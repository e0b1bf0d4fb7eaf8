# SPDX-License-Identifier: Apache-2.0
"""``Honey.Packet``: reading and changing the bytes of a packet within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import access, arithmetic, convert, volatility
from honey.analysis.code import OpenIf
from honey.analysis.lowering import read
from honey.analysis.values import ContextValue, IntValue, OptionalValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import Table

FARTHEST = 0x3FFF
"""The verifier wants offsets into a packet bounded; linear packet data never reaches this far."""


def _context(fl: Lowering, node: ast.Node) -> n.Expr:
    value = fl.settled(fl.value(node))
    if not isinstance(value, ContextValue):
        raise fl.mismatch("the context", value, node.span)
    return checked(fl, value.expr, node.span)


def checked(fl: Lowering, context: n.Expr, span: Span) -> n.Expr:
    """``context``, if it is one of a program that sees packets."""
    struct = context.type.target if isinstance(context.type, t.Ref) else None
    if not isinstance(struct, t.Struct) or struct.name not in ("xdp_md", "__sk_buff"):
        raise fl.mistake(
            "HNY0705",
            "there is no packet in this context",
            span,
            help='packets are seen by `@sec "xdp"` and `@sec "tc"`',
        )
    return context


def at(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Packet.at(ctx, offset, type)``: a reference into the packet, or nil where the packet ends before."""
    context = _context(fl, node.args[0])
    offset = arithmetic.number(fl, node.args[1])
    type_ = fl.unit.module.types.of(fl.value(node.args[2]), node.args[2].span)
    return reference(fl, context, convert.to_wide(offset, signed=False), type_, name, node.span)


def reference(fl: Lowering, context: n.Expr, offset: n.Expr, type_: t.Type, name: str, span: Span) -> OptionalValue:
    """A nullable reference to packet bytes."""
    ref = t.Ref(type_, t.Space.PACKET, nullable=True)
    local = fl.fresh(name or "header", ref)
    if isinstance(offset, n.Const):
        fl.code.append(n.Let(local, n.PacketAt(context, offset, ref), span))
    else:
        if not volatility.is_simple(offset):
            offset = fl.let("offset", offset, span)
        near = n.Binary(n.BinaryOp.LE, offset, n.Const(FARTHEST, t.U64), t.BOOL)
        bounded = n.Binary(n.BinaryOp.AND, offset, n.Const(FARTHEST, t.U64), t.U64)
        fl.code.append(n.Let(local, n.Const(0, ref), span))
        found = n.Assign(n.LocalPlace(local), n.PacketAt(context, bounded, ref), span)
        fl.code.append(OpenIf(near, [found], [], span))
    present = n.DerefPlace(n.NonNull(read(local), t.Ref(type_, t.Space.PACKET)), type_)
    value = access.read_place(present, reference=True)
    return OptionalValue(n.IsNull(read(local)), value, None, "this part of the packet")


def length(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Packet.length(ctx)``: bytes in the packet."""
    context = _context(fl, node.args[0])
    assert isinstance(context.type, t.Ref)
    struct = context.type.target
    assert isinstance(struct, t.Struct)
    end, start = (
        convert.cast(n.Read(n.FieldPlace(n.DerefPlace(context, struct), name, t.U32), t.U32), t.U64)
        for field in ("data_end", "data")
        if (name := fl.unit.module.types.field(struct, field, node.span).name)
    )
    found = fl.let(name or "length", n.Binary(n.BinaryOp.SUB, end, start, t.U64), node.span)
    assert isinstance(found.place, n.LocalPlace)
    fl.lengths.add(found.place.local.id)
    return IntValue(found)


TABLES: dict[str, Table] = {"Honey.Packet": {("at", 3): at, ("length", 1): length}}
