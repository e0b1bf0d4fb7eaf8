# SPDX-License-Identifier: Apache-2.0
"""How many bits an unsigned number can need: an upper bound that holds for every run."""

from __future__ import annotations

from collections.abc import Mapping

from honey.ir import nodes as n
from honey.ir import types as t


def bits_of(expr: n.Expr, locals_: Mapping[int, int]) -> int | None:
    """The bits of ``expr``, ``None`` if it may be negative or is no number; ``locals_`` has those of some locals."""
    match expr:
        case n.Const(value, t.Int() | t.Bool()):
            return value.bit_length() if value >= 0 else None
        case n.Read(n.LocalPlace(local)) if local.id in locals_:
            return locals_[local.id]
        case n.Cast(operand, type_):
            return _of_cast(bits_of(operand, locals_), operand.type, type_)
        case n.Binary():
            return _of_binary(expr, locals_)
        case n.Select(_, then, otherwise):
            sides = bits_of(then, locals_), bits_of(otherwise, locals_)
            return None if sides[0] is None or sides[1] is None else max(sides[0], sides[1])
        case _:
            return of_type(expr.type)


def of_type(type_: t.Type) -> int | None:
    """The bits of any number of a type, ``None`` if it may be negative or is no number of the processor."""
    if isinstance(type_, t.Bool):
        return 1
    unsigned = isinstance(type_, t.Int) and not type_.signed and not type_.big_endian
    return type_.bits if unsigned and isinstance(type_, t.Int) else None


def _of_cast(inner: int | None, source: t.Type, target: t.Type) -> int | None:
    if isinstance(target, t.Bool):
        return 1
    if not isinstance(target, t.Int) or target.big_endian or not isinstance(source, (t.Int, t.Bool)):
        return None
    if inner is not None and inner < target.bits + (0 if target.signed else 1):
        return inner
    return of_type(target)


def _of_binary(expr: n.Binary, locals_: Mapping[int, int]) -> int | None:
    if expr.op.compares or expr.op.logical:
        return 1
    limit = of_type(expr.type)
    left, right = bits_of(expr.left, locals_), bits_of(expr.right, locals_)
    constant = expr.right.value if isinstance(expr.right, n.Const) else None
    match expr.op:
        case n.BinaryOp.AND:
            known = [bits for bits in (left, right) if bits is not None]
            return min(known) if known else limit
        case n.BinaryOp.OR | n.BinaryOp.XOR if left is not None and right is not None:
            return max(left, right)
        case n.BinaryOp.SHR if left is not None and constant is not None:
            return max(left - constant, 0)
        case n.BinaryOp.DIV if left is not None and constant is not None and constant > 0:
            return max(left - constant.bit_length() + 1, 0)
        case n.BinaryOp.MOD if left is not None and right is not None:
            return min(left, right)
        case n.BinaryOp.ADD if left is not None and right is not None:
            return _within(max(left, right) + 1, expr.type)
        case n.BinaryOp.MUL if left is not None and right is not None:
            return _within(left + right, expr.type)
        case _:
            return limit


def _within(bits: int, type_: t.Type) -> int | None:
    """The bits of a result that does not leave its type, else those of the type."""
    room = type_.bits - type_.signed if isinstance(type_, t.Int) else 0
    return bits if bits <= room else of_type(type_)
