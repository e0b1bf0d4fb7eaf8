# SPDX-License-Identifier: Apache-2.0
"""Which tests clang makes one of: whether both of two values are zero, or one of them is not, by ``|`` of the two.

Where one of the two is a pointer, the verifier refuses that.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t


def zero_tests(op: n.BinaryOp, expr: n.Expr) -> set[bool]:
    """The tests among those that ``op`` joins which clang may make one of; true stands for one of a reference."""
    match expr:
        case n.Binary(inner, left, right) if inner is op:
            return zero_tests(op, left) | zero_tests(op, right)
        case n.IsNull(operand) if op is n.BinaryOp.LAND:
            return {isinstance(operand.type, t.Ref)}
        case n.Unary(n.UnaryOp.NOT, n.IsNull(operand)) if op is n.BinaryOp.LOR:
            return {isinstance(operand.type, t.Ref)}
        case n.Binary(n.BinaryOp.EQ, _, n.Const(0)) if op is n.BinaryOp.LAND:
            return {False}
        case n.Binary(n.BinaryOp.NE, _, n.Const(0)) if op is n.BinaryOp.LOR:
            return {False}
        case _:
            return set()


def joined(first: set[bool], second: set[bool]) -> bool:
    """Whether clang may make one of two tests, one of them of a reference."""
    return bool(first) and bool(second) and True in first | second


def inner_tests(statement: n.If) -> list[n.If]:
    """The branches that begin a side of ``statement``, whose test clang may join with that of ``statement``."""
    found = []
    for op, side in ((n.BinaryOp.LAND, statement.then), (n.BinaryOp.LOR, statement.otherwise)):
        inner = next((one for one in side if not _is_value(one)), None)
        if isinstance(inner, n.If):
            either = zero_tests(n.BinaryOp.LAND, inner.condition) | zero_tests(n.BinaryOp.LOR, inner.condition)
            found += [inner] if joined(zero_tests(op, statement.condition), either) else []
    return found


def _is_value(statement: n.Stmt) -> bool:
    return isinstance(statement, n.Let) and not isinstance(statement.value, n.Effect)
