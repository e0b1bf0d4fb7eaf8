# SPDX-License-Identifier: Apache-2.0
"""Pieces of C expressions: their text, how tightly they bind, and which type C gives them.

C computes in types of its own choosing (the usual arithmetic conversions), the IR in the type of the node. A fragment
therefore carries the type C sees. The invariant that lets casts be left out: the value C computes is the value of the
IR's node, as a number; C's type may only be another one that can hold it.
"""

from __future__ import annotations

from enum import IntEnum

from honey.ir import types as t
from honey.ir.nodes import BinaryOp
from honey.records import dataclass


class Binding(IntEnum):
    """C's levels of precedence, tightest last."""

    COMMA = 0
    ASSIGN = 1
    SELECT = 2
    LOGICAL_OR = 3
    LOGICAL_AND = 4
    BIT_OR = 5
    BIT_XOR = 6
    BIT_AND = 7
    EQUALITY = 8
    ORDER = 9
    SHIFT = 10
    SUM = 11
    PRODUCT = 12
    UNARY = 13
    POSTFIX = 14


@dataclass(frozen=True, slots=True)
class Fragment:
    """A C expression; ``literal`` marks a plain integer constant, ``op`` the operator that a binary one is made of."""

    text: str
    binding: Binding
    type: t.Type
    literal: bool = False
    op: BinaryOp | None = None

    def within(self, binding: Binding) -> str:
        """The text, in parentheses if it binds less tightly than its surroundings."""
        return self.text if self.binding >= binding else f"({self.text})"


OPERATOR_BINDING: dict[BinaryOp, Binding] = {
    BinaryOp.ADD: Binding.SUM,
    BinaryOp.SUB: Binding.SUM,
    BinaryOp.MUL: Binding.PRODUCT,
    BinaryOp.DIV: Binding.PRODUCT,
    BinaryOp.MOD: Binding.PRODUCT,
    BinaryOp.AND: Binding.BIT_AND,
    BinaryOp.OR: Binding.BIT_OR,
    BinaryOp.XOR: Binding.BIT_XOR,
    BinaryOp.SHL: Binding.SHIFT,
    BinaryOp.SHR: Binding.SHIFT,
    BinaryOp.EQ: Binding.EQUALITY,
    BinaryOp.NE: Binding.EQUALITY,
    BinaryOp.LT: Binding.ORDER,
    BinaryOp.LE: Binding.ORDER,
    BinaryOp.GT: Binding.ORDER,
    BinaryOp.GE: Binding.ORDER,
    BinaryOp.LAND: Binding.LOGICAL_AND,
    BinaryOp.LOR: Binding.LOGICAL_OR,
}

_PLAIN = {BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL}
"""Operators that people mix without parentheses."""


def join(op: BinaryOp, left: Fragment, right: Fragment, type_: t.Type) -> Fragment:
    """``left op right``, with the parentheses that C needs and those that spare its reader (and ``-Wall``) a doubt."""
    binding = OPERATOR_BINDING[op]
    texts = (_operand(op, left, binding), _operand(op, right, Binding(binding + 1)))
    return Fragment(f"{texts[0]} {op.value} {texts[1]}", binding, type_, op=op)


def _operand(op: BinaryOp, operand: Fragment, binding: Binding) -> str:
    inner = operand.op
    clear = inner is None or inner is op or op.logical or {op, inner} <= _PLAIN or (op.compares and inner in _PLAIN)
    if inner is not None and op.logical and inner.logical and inner is not op:
        clear = False
    if clear and inner is op and (op.logical or op in _ASSOCIATIVE):
        return operand.text
    return operand.within(binding) if clear else f"({operand.text})"


_ASSOCIATIVE = {BinaryOp.AND, BinaryOp.OR, BinaryOp.XOR}


def promoted(type_: t.Type) -> t.Type:
    """The type that C computes in when an operand has ``type_``: integers below 32 bits become ``int``."""
    if isinstance(type_, t.Bool) or (isinstance(type_, t.Int) and type_.bits < 32):
        return t.S32
    return t.Int(type_.bits, type_.signed) if isinstance(type_, t.Int) else type_


def common(left: t.Type, right: t.Type) -> t.Type:
    """C's usual arithmetic conversions of two integer types."""
    first, second = promoted(left), promoted(right)
    if not isinstance(first, t.Int) or not isinstance(second, t.Int) or first == second:
        return first
    if first.bits != second.bits:
        return first if first.bits > second.bits else second
    return t.Int(first.bits, signed=False)


def holds(outer: t.Type, inner: t.Type) -> bool:
    """Whether every value of ``inner`` is, as a number, a value of ``outer``."""
    if isinstance(inner, t.Bool):
        return isinstance(outer, (t.Int, t.Bool))
    if not isinstance(outer, t.Int) or not isinstance(inner, t.Int):
        return outer == inner
    if outer.signed == inner.signed:
        return outer.bits >= inner.bits
    return outer.signed and outer.bits > inner.bits
