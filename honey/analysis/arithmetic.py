# SPDX-License-Identifier: Apache-2.0
"""Calculating with integers and comparing them: common types, byte order, divisors that may be zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import convert, equality, fold, storage, volatility
from honey.analysis.code import OpenIf
from honey.analysis.lowering import Lowering
from honey.analysis.values import (
    AddressValue,
    BoolValue,
    IntValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    pass


ARITHMETIC: dict[str, n.BinaryOp] = {
    "+": n.BinaryOp.ADD,
    "-": n.BinaryOp.SUB,
    "*": n.BinaryOp.MUL,
    "/": n.BinaryOp.DIV,
    "div": n.BinaryOp.DIV,
    "rem": n.BinaryOp.MOD,
    "&&&": n.BinaryOp.AND,
    "|||": n.BinaryOp.OR,
    "^^^": n.BinaryOp.XOR,
    "bxor": n.BinaryOp.XOR,
    "<<<": n.BinaryOp.SHL,
    ">>>": n.BinaryOp.SHR,
}
"""Operations on two integers by their spelling in the source."""

_DIVISIONS = (n.BinaryOp.DIV, n.BinaryOp.MOD)
_SUMS = (n.BinaryOp.ADD, n.BinaryOp.SUB)
_SHIFTS = (n.BinaryOp.SHL, n.BinaryOp.SHR)


def number_of(fl: Lowering, value: Value, span: Span, *, ordered: bool = False) -> IntValue:
    """The integer that ``value`` is; where it is only put in order (``ordered``) Elixir takes other values too."""
    value = fl.required(value, span, "ArithmeticError")
    match value:
        case IntValue():
            return value
        case AddressValue(expr):
            return IntValue(n.Cast(expr, t.U64))
        case BoolValue():
            raise fl.mistake(
                "HNY0203",
                "Elixir does not count with truth values",
                span,
                help="write `if x, do: 1, else: 0`",
                raises=not ordered,
            )
        case _:
            raise fl.mistake("HNY0203", f"expected an integer, got {describe(value)}", span, raises=not ordered)


def number(fl: Lowering, node: ast.Node) -> IntValue:
    """The integer that ``node`` is."""
    return number_of(fl, fl.value(node), node.span)


def calculate(fl: Lowering, op: str, left: IntValue, right: IntValue, span: Span) -> IntValue:
    """An operation at 64 bits; unsigned wins. A divisor that may be zero is tested first, and raises."""
    for operand in (left, right):
        if operand.type.big_endian:
            raise _not_in_network_order(fl, operand, op, span)
    folded = fold.binary(op, left, right)
    if isinstance(folded, IntValue):
        return folded
    operator = ARITHMETIC[op]
    if operator in _SHIFTS:
        return _shift(operator, left, right)
    signed = convert.common_signed(left, right)
    one, other = convert.to_wide(left, signed), convert.to_wide(right, signed)
    if operator in _SUMS:
        for side in (one, other):
            _keep_together(fl, side, span)
    if operator in _DIVISIONS:
        other = _checked_divisor(fl, other, span)
        if isinstance(other, n.Const) and other.value == 0:
            return IntValue(n.Const(0, one.type))
    return IntValue(n.Binary(operator, one, other, one.type))


def _keep_together(fl: Lowering, side: n.Expr, span: Span) -> None:
    """A packet's length is a difference of addresses, and clang would rather add to one of them: no verifier allows it.

    In a guard, which does nothing, the length is compared as it is.
    """
    while isinstance(side, n.Cast):
        side = side.operand
    if fl.in_guard or not isinstance(side, n.Read) or not isinstance(side.place, n.LocalPlace):
        return
    if side.place.local.id in fl.lengths:
        from honey.analysis.access import BARRIER

        fl.code.append(n.Eval(n.HelperCall(BARRIER, (side.place,), t.VOID), span))


def power(fl: Lowering, base: IntValue, exponent: IntValue, node: ast.Node) -> IntValue:
    """``base ** exponent`` with a constant exponent, as products."""
    folded = fold.binary("**", base, exponent)
    if isinstance(folded, IntValue):
        return folded
    times = fl.constant(exponent)
    if times is None or not 0 <= times <= fold.MOST_POWER:
        raise fl.mistake(
            "HNY0200",
            f"the exponent of a power is a constant from 0 to {fold.MOST_POWER}",
            node.span,
            help="a power of two is `1 <<< n`; else multiply in a loop, with `Enum.reduce`",
        )
    result: IntValue = IntValue(n.Const(1, base.type), literal=True)
    for bit in bin(times)[2:]:
        for factor in (result, base)[: 1 + int(bit)]:
            product = calculate(fl, "*", result, factor, node.span)
            result = product if product.constant is not None else IntValue(fl.let("power", product.expr, node.span))
    return result


def _not_in_network_order(fl: Lowering, operand: IntValue, op: str, span: Span) -> Exception:
    call = convert.CONVERSIONS[operand.type.bits][1]
    return fl.mistake(
        "HNY0401",
        f"`{op}` needs host order, and {describe(operand)} is in network byte order",
        span,
        help=f"convert it first: `{convert.conversion(fl, call, span)}`",
    )


def _shift(operator: n.BinaryOp, left: IntValue, right: IntValue) -> IntValue:
    signed = left.type.signed
    one = convert.to_wide(left, signed)
    amount = right.constant
    if amount is not None:
        if amount < 0:
            operator = n.BinaryOp.SHR if operator is n.BinaryOp.SHL else n.BinaryOp.SHL
            amount = -amount
        if amount > 63:
            if operator is n.BinaryOp.SHL or not signed:
                return IntValue(n.Const(0, one.type))
            amount = 63
        return IntValue(n.Binary(operator, one, n.Const(amount, one.type), one.type)) if amount else IntValue(one)
    masked = n.Binary(n.BinaryOp.AND, convert.to_wide(right, signed), n.Const(63, one.type), one.type)
    return IntValue(n.Binary(operator, one, masked, one.type))


def _checked_divisor(fl: Lowering, divisor: n.Expr, span: Span) -> n.Expr:
    if isinstance(divisor, n.Const):
        if divisor.value == 0:
            fl.report.warn("HNY0212", "this divides by zero, and always raises", span)
            fl.code.append(fl.throw("ArithmeticError", "", span))
        return divisor
    if not volatility.is_simple(divisor):
        divisor = fl.let("", divisor, span)
    zero = n.Binary(n.BinaryOp.EQ, divisor, n.Const(0, divisor.type), t.BOOL)
    fl.code.append(OpenIf(zero, [fl.throw("ArithmeticError", "", span)], [], span))
    return divisor


def compare(fl: Lowering, operator: n.BinaryOp, left: IntValue, right: IntValue, span: Span) -> BoolValue:
    """An ordering; network order has none."""
    for operand in (left, right):
        if operand.type.big_endian:
            raise _not_in_network_order(fl, operand, operator.value, span)
    folded = fold.binary(operator.value, left, right)
    if isinstance(folded, BoolValue):
        return folded
    for literal, other in ((left, right), (right, left)):
        constant = literal.constant
        if literal.literal and constant is not None and constant < 0 and not other.type.signed:
            fl.report.warn(
                "HNY0213",
                f"{describe(other)} is unsigned, and is compared with {constant} as {convert.wrap(constant, t.U64)}",
                span,
            )
    below = (left, right) if operator in (n.BinaryOp.LT, n.BinaryOp.GE) else (right, left)
    if below[1].literal and below[1].constant == 0 and not below[0].type.signed and fl.is_told:
        never = "never" if operator in (n.BinaryOp.LT, n.BinaryOp.GT) else "always"
        what = f"{describe(below[0])} is never below 0, so that this {never} holds"
        fl.report.warn("HNY0213", what, span, help="compare it with 0 by `==`, or with the limit that is meant")
    one, other_expr = equality.same_type(fl, left, right, span)
    return BoolValue(n.Binary(operator, one, other_expr, t.BOOL))


def extreme(fl: Lowering, operator: n.BinaryOp, left: IntValue, right: IntValue, span: Span) -> IntValue:
    """``max`` (``GT``) or ``min`` (``LT``) of two integers."""
    folded = fold.binary(operator.value, left, right)
    if isinstance(folded, BoolValue) and folded.constant is not None:
        return left if folded.constant else right
    signed = convert.common_signed(left, right)
    for operand in (left, right):
        if operand.type.big_endian:
            raise _not_in_network_order(fl, operand, "max" if operator is n.BinaryOp.GT else "min", span)
    one, other = (
        expr if volatility.is_simple(expr) else fl.let("", expr, span)
        for expr in (convert.to_wide(left, signed), convert.to_wide(right, signed))
    )
    return IntValue(storage.select(n.Binary(operator, one, other, t.BOOL), one, other))


def negative(fl: Lowering, operand: IntValue, span: Span) -> IntValue:
    """``-x``."""
    folded = fold.unary("-", operand)
    if isinstance(folded, IntValue):
        return folded
    if operand.type.big_endian:
        raise _not_in_network_order(fl, operand, "-", span)
    wide = convert.to_wide(operand, operand.type.signed)
    return IntValue(n.Unary(n.UnaryOp.NEG, wide, wide.type))


def invert(fl: Lowering, operand: IntValue, node: ast.Node) -> IntValue:
    """``~~~x``."""
    folded = fold.unary("~~~", operand)
    if isinstance(folded, IntValue):
        return folded
    if operand.type.big_endian:
        raise _not_in_network_order(fl, operand, "~~~", node.span)
    wide = convert.to_wide(operand, operand.type.signed)
    return IntValue(n.Unary(n.UnaryOp.INVERT, wide, wide.type))
