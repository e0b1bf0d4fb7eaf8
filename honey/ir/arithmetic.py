# SPDX-License-Identifier: Apache-2.0
"""What the IR's operators compute: integers that wrap at the width of their type, as eBPF and C (``-fwrapv``) do."""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t


def wrap(value: int, type_: t.Type) -> int:
    """The number that is stored when ``value`` is stored as ``type_`` (an integer, a truth value, an address)."""
    match type_:
        case t.Int(bits, signed):
            value &= (1 << bits) - 1
            return value - (1 << bits) if signed and value >> (bits - 1) else value
        case t.Bool():
            return int(value != 0)
        case t.Address():
            return value & 0xFFFF_FFFF_FFFF_FFFF
        case _:
            raise ValueError(f"{type_} is no number")


def swap(value: int, bits: int) -> int:
    """The bytes of an unsigned number in reverse."""
    return int.from_bytes((value & ((1 << bits) - 1)).to_bytes(bits // 8, "little"), "big")


def unary(op: n.UnaryOp, value: int, type_: t.Type) -> int:
    """``op value``."""
    match op:
        case n.UnaryOp.NEG:
            return wrap(-value, type_)
        case n.UnaryOp.INVERT:
            return wrap(~value, type_)
        case n.UnaryOp.NOT:
            return int(not value)


def binary(op: n.BinaryOp, left: int, right: int, type_: t.Type) -> int:
    """``left op right`` of operands that have ``type_``; comparisons give 0 or 1.

    Division truncates toward zero and a remainder has the dividend's sign; the divisor is not 0.
    """
    match op:
        case n.BinaryOp.ADD:
            return wrap(left + right, type_)
        case n.BinaryOp.SUB:
            return wrap(left - right, type_)
        case n.BinaryOp.MUL:
            return wrap(left * right, type_)
        case n.BinaryOp.DIV:
            return wrap(_truncated(left, right), type_)
        case n.BinaryOp.MOD:
            return wrap(left - _truncated(left, right) * right, type_)
        case n.BinaryOp.AND:
            return wrap(left & right, type_)
        case n.BinaryOp.OR:
            return wrap(left | right, type_)
        case n.BinaryOp.XOR:
            return wrap(left ^ right, type_)
        case n.BinaryOp.SHL:
            return wrap(left << (right & (type_.size * 8 - 1)), type_)
        case n.BinaryOp.SHR:
            return wrap(left >> (right & (type_.size * 8 - 1)), type_)
        case n.BinaryOp.EQ:
            return int(left == right)
        case n.BinaryOp.NE:
            return int(left != right)
        case n.BinaryOp.LT:
            return int(left < right)
        case n.BinaryOp.LE:
            return int(left <= right)
        case n.BinaryOp.GT:
            return int(left > right)
        case n.BinaryOp.GE:
            return int(left >= right)
        case n.BinaryOp.LAND:
            return int(bool(left) and bool(right))
        case n.BinaryOp.LOR:
            return int(bool(left) or bool(right))


def _truncated(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def cast(value: int, source: t.Type, target: t.Type) -> int:
    """``value`` of one type as the other: truth values are 0 or 1, everything else keeps its low bits."""
    if isinstance(target, t.Bool):
        return int(value != 0)
    if isinstance(source, t.Int) and source.signed and isinstance(target, t.Address):
        return value & 0xFFFF_FFFF_FFFF_FFFF
    return wrap(value, target)


def encode(value: int, type_: t.Type) -> bytes:
    """The bytes of a number in memory."""
    return (value & ((1 << (type_.size * 8)) - 1)).to_bytes(type_.size, "little")


def decode(data: bytes, type_: t.Type) -> int:
    """The number that some bytes hold."""
    return wrap(int.from_bytes(data, "little"), type_)
