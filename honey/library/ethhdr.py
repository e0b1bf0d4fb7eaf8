# SPDX-License-Identifier: Apache-2.0
"""``Honey.Ethhdr`` and ``Honey.Packet``: reading and changing the bytes of a packet within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import convert, expressions, operators
from honey.analysis.code import OpenIf
from honey.analysis.values import (
    NIL,
    ContextValue,
    IntValue,
    MemoryValue,
    OptionalValue,
    Value,
    integer,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table

ETHERNET, IPV4 = 14, 20
"""Bytes of an Ethernet header, and of an IPv4 header without options."""


def _context(fl: Lowering, node: ast.Node) -> n.Expr:
    value = fl.settled(fl.value(node))
    if not isinstance(value, ContextValue):
        raise fl.mismatch("the context", value, node.span)
    return value.expr


def at(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Packet.at(ctx, offset, type)``: a reference into the packet, or nil where the packet ends before."""
    context = _context(fl, node.args[0])
    offset = operators.number(fl, node.args[1])
    type_ = fl.unit.module.types.of(fl.value(node.args[2]), node.args[2].span)
    return reference(fl, context, convert.to_wide(offset, signed=False), type_, name, node.span)


def reference(
    fl: Lowering, context: n.Expr, offset: n.Expr, type_: t.Type, name: str, span: Span
) -> OptionalValue:
    """A nullable reference to packet bytes."""
    if isinstance(type_, t.Struct):
        type_ = t.Struct(type_.name, type_.size, type_.align)
    ref = t.Ref(type_, t.Space.PACKET, nullable=True)
    local = fl.fresh(name or "header", ref)
    fl.code.append(n.Let(local, n.PacketAt(context, offset, ref), span))
    read = n.Read(n.LocalPlace(local), ref)
    present = n.DerefPlace(n.NonNull(read, t.Ref(type_, t.Space.PACKET)), type_)
    value = expressions.read_place(present, reference=True)
    return OptionalValue(n.IsNull(read), value, None, "the packet's header")


def length(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Packet.length(ctx)``: bytes in the packet."""
    context = _context(fl, node.args[0])
    assert isinstance(context.type, t.Ref)
    struct = context.type.target
    assert isinstance(struct, t.Struct)
    parts = []
    for field_name in ("data_end", "data"):
        field = fl.unit.module.structs.field(struct, field_name)
        assert field is not None
        place = n.FieldPlace(n.DerefPlace(context, struct), field_name, field.type)
        parts.append(convert.cast(n.Read(place, field.type), t.U64))
    return IntValue(fl.let(name or "length", n.Binary(n.BinaryOp.SUB, *parts, t.U64), node.span))


def _packet(fl: Lowering, node: ast.Call) -> n.Expr:
    return _context(fl, node.args[0])


def _required(fl: Lowering, node: ast.Call, offset: int, struct: str, name: str) -> MemoryValue:
    """A header that earlier versions took for granted: where the packet is too short, the handler ends."""
    context = _packet(fl, node)
    type_ = fl.unit.module.structs.find(struct)
    assert type_ is not None
    found = reference(fl, context, n.Const(offset, t.U64), type_, name, node.span)
    fl.code.append(OpenIf(found.is_nil, [fl.throw("ArgumentError", "the packet is too short", node.span)], [], node.span))
    from honey.analysis.scope import OptionalFact

    fl.learn((OptionalFact(found, True),))
    value = fl.settled(found)
    assert isinstance(value, MemoryValue)
    return value


def init(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Ethhdr.init(ctx)``: the packet, to be asked for its headers."""
    del name
    return ContextValue(_packet(fl, node))


def _field(offset: int, struct: str, field: str, header: str) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        found = _required(fl, node, offset, struct, header)
        return _host_order(_member(fl, found, field))

    return call


def _member(fl: Lowering, value: MemoryValue, name: str) -> Value:
    assert isinstance(value.type, t.Struct)
    field = fl.unit.module.structs.field(value.type, name)
    assert field is not None
    return expressions.read_place(n.FieldPlace(value.place, field.name, field.type), reference=True)


def _host_order(value: Value) -> Value:
    if isinstance(value, IntValue) and value.type.big_endian:
        name = {16: "ntohs", 32: "ntohl", 64: "ntohll"}[value.type.bits]
        return IntValue(n.ByteSwap(name, value.expr, t.Int(value.type.bits)))
    return value


def set_destination_port(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Ethhdr.set_destination_port(packet, port)``."""
    del name
    port = operators.number(fl, node.args[1])
    found = _required(fl, node, ETHERNET + IPV4, "udphdr", "udp")
    field = fl.unit.module.structs.field(found.type, "dest")  # type: ignore[arg-type]  # a Struct
    assert field is not None
    value = port.expr
    if not port.type.big_endian:
        value = n.ByteSwap("htons", convert.cast(value, t.U16), t.BE16)
    fl.assign(n.FieldPlace(found.place, "dest", field.type), value, node.span)
    return NIL


def const_udp(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Ethhdr.const_udp()``."""
    del fl, node, name
    return integer(17, "IPPROTO_UDP")


TABLES: dict[str, Table] = {
    "Honey.Ethhdr": {
        ("init", 1): init,
        ("const_udp", 0): const_udp,
        ("ip_protocol", 1): _field(ETHERNET, "iphdr", "protocol", "ip"),
        ("destination_port", 1): _field(ETHERNET + IPV4, "udphdr", "dest", "udp"),
        ("h_source", 1): _field(0, "ethhdr", "h_source", "eth"),
        ("h_dest", 1): _field(0, "ethhdr", "h_dest", "eth"),
        ("set_destination_port", 2): set_destination_port,
    },
    "Honey.Packet": {("at", 3): at, ("length", 1): length},
}
