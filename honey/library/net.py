# SPDX-License-Identifier: Apache-2.0
"""``Honey.Net``: byte order, inline and without helper calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import arithmetic, convert
from honey.analysis.values import IntValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table

_WORD_BITS, _WORD = 16, 0xFFFF


def _swap(name: str, bits: int, *, to_network: bool) -> LibraryCall:
    source = t.Int(bits, big_endian=not to_network)
    target = t.Int(bits, big_endian=to_network)

    def call(fl: Lowering, node: ast.Call, bound: str) -> Value:
        del bound
        value = arithmetic.number(fl, node.args[0])
        if value.type.big_endian != source.big_endian or (source.big_endian and value.type != source):
            raise _wrong(fl, value, source, name, node)
        return IntValue(n.ByteSwap(name, convert.cast(value.expr, source), target))

    return call


def _wrong(fl: Lowering, value: IntValue, source: t.Int, name: str, node: ast.Call) -> Exception:
    from honey.analysis.values import describe

    order = "network" if source.big_endian else "host"
    return fl.mistake(
        "HNY0402",
        f"{name} takes {source.bits} bits in {order} order, this is {describe(value)}",
        node.args[0].span,
        help=_other_way(value.type, source, name),
    )


def _other_way(have: t.Int, source: t.Int, name: str) -> str | None:
    """What to write in place of a call of the wrong direction or width."""
    if not have.big_endian:
        to_network = f"`Honey.Net.{convert.CONVERSIONS[source.bits][0]}`"
        return f"this counts as host order: leave `{name}` out, or bring it to network order with {to_network}"
    if have.bits not in convert.CONVERSIONS:
        return None
    to_host = f"`Honey.Net.{convert.CONVERSIONS[have.bits][1]}`"
    if source.big_endian:
        return f"{to_host} does"
    return f"this is in network order already: leave `{name}` out, or bring it to host order with {to_host}"


def checksum_replace(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Net.checksum_replace(checksum, old, new)``: a checksum when one 16-bit word of what it covers changes.

    RFC 1624, equation 3. The sum is the same in either byte order, so the words are taken as they lie in memory. The
    result has the checksum's type.
    """
    words = [_word(fl, arg) for arg in node.args]
    type_ = t.BE16 if words[0].type.big_endian else t.U16
    checksum, old, new = (_as_read(word) for word in words)
    sum_ = _binary(n.BinaryOp.ADD, _binary(n.BinaryOp.ADD, _inverse(checksum), _inverse(old)), new)
    # The sum of three words has a carry of two bits, and adding that may carry once more.
    for _ in range(2):
        kept = fl.let("sum", sum_, node.span)
        low = _binary(n.BinaryOp.AND, kept, n.Const(_WORD, t.U64))
        sum_ = _binary(n.BinaryOp.ADD, low, _binary(n.BinaryOp.SHR, kept, n.Const(16, t.U64)))
    return IntValue(fl.let(name or "checksum", n.Cast(n.Cast(_inverse(sum_), t.U16), type_), node.span))


def _word(fl: Lowering, node: ast.Node) -> IntValue:
    """A 16-bit number, of whatever byte order."""
    value = arithmetic.number(fl, node)
    if value.type.big_endian and value.type.bits != _WORD_BITS:
        raise fl.mismatch("a number of 16 bits", value, node.span)
    return value


def _as_read(word: IntValue) -> n.Expr:
    """A word as the machine reads it."""
    return n.Cast(n.Cast(word.expr, t.U16), t.U64)


def _inverse(word: n.Expr) -> n.Expr:
    return _binary(n.BinaryOp.XOR, word, n.Const(_WORD, t.U64))


def _binary(op: n.BinaryOp, left: n.Expr, right: n.Expr) -> n.Expr:
    return n.Binary(op, left, right, t.U64)


TABLES: dict[str, Table] = {
    "Honey.Net": {
        ("htons", 1): _swap("htons", 16, to_network=True),
        ("htonl", 1): _swap("htonl", 32, to_network=True),
        ("htonll", 1): _swap("htonll", 64, to_network=True),
        ("ntohs", 1): _swap("ntohs", 16, to_network=False),
        ("ntohl", 1): _swap("ntohl", 32, to_network=False),
        ("ntohll", 1): _swap("ntohll", 64, to_network=False),
        ("checksum_replace", 3): checksum_replace,
    }
}
