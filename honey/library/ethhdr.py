# SPDX-License-Identifier: Apache-2.0
"""``Honey.Ethhdr``: the headers of the packet at hand, from the handler's own context.

``init`` leaves with ``XDP_ABORTED`` where there is no whole Ethernet header. ``ip_protocol`` leaves with ``XDP_PASS``
for what is neither IPv4 nor IPv6, and with ``XDP_ABORTED`` where the packet ends inside the header, as
``destination_port`` does. Options of IPv4 are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import access, arithmetic, convert, equality
from honey.analysis.code import Code, OpenIf, negate
from honey.analysis.lowering import Packet, read
from honey.analysis.scope import OptionalFact
from honey.analysis.values import IntValue, MemoryValue, OptionalValue, Value, integer
from honey.ir import nodes as n
from honey.ir import types as t
from honey.library import packet, xdp
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import Table

_ETHERNET = 14
"""Bytes of an Ethernet header."""

_NETWORKS = (("ETH_P_IP", 0x0800, "iphdr", "protocol", 20), ("ETH_P_IPV6", 0x86DD, "ipv6hdr", "nexthdr", 40))
"""Protocols above Ethernet: name, number, struct, the field that tells what is above, bytes."""


def _header(fl: Lowering, offset: n.Expr, struct: str, name: str, span: Span) -> MemoryValue:
    """A header of the packet; where the packet ends inside it, the program is left with ``XDP_ABORTED``."""
    found = _optional_header(fl, offset, struct, name, span)
    _leave_if(fl, found.is_nil, "aborted", span)
    fl.learn((OptionalFact(found, True),))
    value = fl.settled(found)
    assert isinstance(value, MemoryValue)
    return value


def _optional_header(fl: Lowering, offset: n.Expr, struct: str, name: str, span: Span) -> OptionalValue:
    if fl.context is None:
        raise fl.mistake(
            "HNY0705",
            "`Honey.Ethhdr` reads the packet of a handler's context, and this is another function",
            span,
            help="call it in the handler, or pass the context on and use `Honey.Packet.at(ctx, offset, type)`",
        )
    type_ = fl.unit.module.structs.find(struct)
    assert type_ is not None
    return packet.reference(fl, packet.checked(fl, fl.context, span), offset, type_, name, span)


def _leave_if(fl: Lowering, condition: n.Expr, action: str, span: Span) -> None:
    outer, fl.code = fl.code, []
    try:
        fl.give_back(xdp.action(action), span)
        leaving = fl.code
    finally:
        fl.code = outer
    fl.code.append(OpenIf(condition, leaving, [], span))


def _field(fl: Lowering, header: MemoryValue, name: str, span: Span) -> n.Place:
    assert isinstance(header.type, t.Struct)
    field = fl.unit.module.types.field(header.type, name, span)
    return n.FieldPlace(header.place, field.name, field.type)


def _packet(fl: Lowering, span: Span) -> Packet:
    if fl.packet is None:
        header = _header(fl, n.Const(0, t.U64), "ethhdr", "eth", span)
        fl.packet = Packet(header, n.Const(_ETHERNET, t.U64))
    return fl.packet


def init(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.init()``: makes sure that there is an Ethernet header."""
    del name
    fl.packet = None
    _packet(fl, node.span)
    return integer(0)


def ip_protocol(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.ip_protocol()``: what the IPv4 or IPv6 header says is above it."""
    span = node.span
    found = _packet(fl, span)
    kind = access.read_place(_field(fl, found.ethernet, "h_proto", span), reference=False)
    assert isinstance(kind, IntValue)
    protocol, offset = fl.declare(name or "protocol", t.U8, span), fl.declare("offset", t.U64, span)
    rest: Code = []
    outer, fl.code = fl.code, rest
    try:
        fl.give_back(xdp.action("pass"), span)
    finally:
        fl.code = outer
    for constant, number, struct, field, size in reversed(_NETWORKS):
        wanted = n.ByteSwap("htons", n.Const(number, t.U16, constant), t.BE16)
        test = n.Binary(n.BinaryOp.EQ, kind.expr, wanted, t.BOOL)
        with fl.block() as code:
            header = _header(fl, n.Const(_ETHERNET, t.U64), struct, struct.removesuffix("hdr"), span)
            place = _field(fl, header, field, span)
            fl.code.append(n.Assign(n.LocalPlace(protocol), n.Read(place, place.type), span))
            fl.code.append(n.Assign(n.LocalPlace(offset), n.Const(_ETHERNET + size, t.U64), span))
        rest = [OpenIf(test, code, rest, span)]
    fl.code.extend(rest)
    fl.packet = Packet(found.ethernet, read(offset))
    return IntValue(read(protocol))


def destination_port(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.destination_port()`` of a UDP (or TCP) header, in host order."""
    del name
    header = _header(fl, _packet(fl, node.span).offset, "udphdr", "udp", node.span)
    place = _field(fl, header, "dest", node.span)
    return IntValue(n.ByteSwap("ntohs", n.Read(place, place.type), t.U16))


def set_destination_port(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.set_destination_port(port)``, if there is room for a header; gives the port."""
    del name
    port = arithmetic.number(fl, node.args[0])
    if port.type.big_endian:
        raise convert.byte_order(fl, port.type, t.U16, node.args[0].span)
    found = _optional_header(fl, _packet(fl, node.span).offset, "udphdr", "udp", node.span)
    header = equality.peek(fl, found)
    assert isinstance(header, MemoryValue)
    place = _field(fl, header, "dest", node.span)
    value = n.ByteSwap("htons", convert.cast(port.expr, t.U16), t.BE16)
    fl.code.append(OpenIf(negate(found.is_nil), [n.Assign(place, value, node.span)], [], node.span))
    fl.epoch += 1
    return port


def h_source(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.h_source()``: the six bytes of the sender's address."""
    del name
    return MemoryValue(_field(fl, _packet(fl, node.span).ethernet, "h_source", node.span))


def h_dest(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.h_dest()``: the six bytes of the receiver's address."""
    del name
    return MemoryValue(_field(fl, _packet(fl, node.span).ethernet, "h_dest", node.span))


def const_udp(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ethhdr.const_udp()``: the number of UDP above IP."""
    del fl, node, name
    return integer(17, "IPPROTO_UDP")


TABLES: dict[str, Table] = {
    "Honey.Ethhdr": {
        ("init", 0): init,
        ("const_udp", 0): const_udp,
        ("ip_protocol", 0): ip_protocol,
        ("destination_port", 0): destination_port,
        ("set_destination_port", 1): set_destination_port,
        ("h_source", 0): h_source,
        ("h_dest", 0): h_dest,
    }
}
