# SPDX-License-Identifier: Apache-2.0
"""Operators and conversions as C: what is made of operands that are written already.

C computes in types of its own choosing (see `honey.emit.fragment`). A cast is written where its type would not hold the
number that the IR's node has, and nowhere else.
"""

from __future__ import annotations

from honey.emit.constants import integer
from honey.emit.features import Features
from honey.emit.fragment import Binding, Fragment, common, holds, join, promoted
from honey.emit.spelling import Spelling
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass

_SUFFIXES: dict[t.Type, str] = {t.U32: "U", t.S64: "LL", t.U64: "ULL"}
_WRAPPING = {n.BinaryOp.ADD, n.BinaryOp.SUB, n.BinaryOp.MUL, n.BinaryOp.SHL, n.BinaryOp.DIV, n.BinaryOp.MOD}
"""Operators whose result may leave the range of narrow operands."""
_EXACT = {n.BinaryOp.AND, n.BinaryOp.OR, n.BinaryOp.XOR}
"""Operators that give the same number in every type that holds both operands."""


@dataclass(frozen=True, slots=True)
class Operators:
    """Writes operators and conversions; the functions that they take are noted in ``features``."""

    spelling: Spelling
    features: Features

    def integers(self, expr: n.Binary, left: Fragment, right: Fragment) -> Fragment:
        """An operator between two integers."""
        op, type_ = expr.op, expr.left.type
        assert isinstance(type_, t.Int)
        if op in (n.BinaryOp.DIV, n.BinaryOp.MOD) and type_.signed:
            function = self.features.signed_division(remainder=op is n.BinaryOp.MOD)
            call = Fragment(f"{function}({left.text}, {right.text})", Binding.POSTFIX, t.S64)
            return call if type_.bits == 64 else self.cast_to(call, expr.type)
        if op is n.BinaryOp.DIV and self.features.multiplies and not isinstance(expr.right, n.Const):
            return Fragment(f"{self.features.division()}({left.text}, {right.text})", Binding.POSTFIX, t.U64)
        if op in (n.BinaryOp.SHL, n.BinaryOp.SHR):
            return self._shift(expr, left, right)
        if (op.compares or op in _EXACT) and _exact(left, right):
            return join(op, left, right, t.S32 if op.compares else common(left.type, right.type))
        if op in (n.BinaryOp.DIV, n.BinaryOp.MOD) and type_.bits < 32:
            # C would make signed numbers of them, which eBPF does not divide.
            return self.cast_to(join(op, self.cast_to(left, t.U32), right, t.U32), expr.type)
        if type_.bits < 32:
            result = join(op, left, right, t.S32)
            return self.cast_to(result, expr.type) if op in _WRAPPING else result
        left, right = self._same(left, right, type_)
        return join(op, left, right, t.S32 if op.compares else expr.type)

    def _same(self, left: Fragment, right: Fragment, type_: t.Int) -> tuple[Fragment, Fragment]:
        """Both operands so that C computes in ``type_``; a cast of one is enough if the other follows."""
        wanted = t.Int(type_.bits, type_.signed)
        if common(left.type, right.type) == wanted and _converts(left, wanted) and _converts(right, wanted):
            return left, right
        first = self.cast_to(left, type_)
        if not left.literal and common(first.type, right.type) == wanted and _converts(right, wanted):
            return first, right
        second = self.cast_to(right, type_)
        if common(left.type, second.type) == wanted and _converts(left, wanted):
            return left, second
        return first, second

    def _shift(self, expr: n.Binary, left: Fragment, right: Fragment) -> Fragment:
        wide = isinstance(expr.type, t.Int) and expr.type.bits >= 32
        if wide and promoted(left.type) != expr.type:
            small = expr.op is n.BinaryOp.SHR and isinstance(expr.right, n.Const) and expr.right.value < 31
            if not (small and holds(expr.type, left.type)):
                left = self.cast_to(left, expr.type)
        result = join(expr.op, left, right, promoted(left.type))
        return result if wide or expr.op is n.BinaryOp.SHR else self.cast_to(result, expr.type)

    def unary(self, op: n.UnaryOp, operand: Fragment, type_: t.Type) -> Fragment:
        """An operator before an integer, which computes in ``type_``."""
        text = self._at_least(operand, type_).within(Binding.UNARY)
        space = " " if text.startswith(op.value) else ""
        result = Fragment(f"{op.value}{space}{text}", Binding.UNARY, type_)
        return self.cast_to(result, type_) if type_.size < 4 else result

    def choice(self, condition: Fragment, then: Fragment, otherwise: Fragment, type_: t.Type) -> Fragment:
        """One of two values of ``type_``."""
        if isinstance(type_, t.Int):
            result = common(then.type, otherwise.type)
            kept = holds(result, then.type) and holds(result, otherwise.type)
            if not (kept or _adapts(then) or _adapts(otherwise)):
                then = self.cast_to(then, type_)
                result = common(then.type, otherwise.type)
        else:
            result = type_
        sides = f"{then.within(Binding.SELECT)} : {otherwise.within(Binding.SELECT)}"
        return Fragment(f"{condition.within(Binding.LOGICAL_OR)} ? {sides}", Binding.SELECT, result)

    def cast(self, operand: n.Expr, inner: Fragment, type_: t.Type) -> Fragment:
        """``operand``, which is written as ``inner``, in another type."""
        if isinstance(type_, t.Bool):
            truth = isinstance(operand.type, t.Bool)
            return inner if truth else join(n.BinaryOp.NE, inner, integer(0, t.S32), t.S32)
        if isinstance(type_, t.Ref) or (isinstance(operand, n.Const) and type_ == inner.type):
            return inner
        if isinstance(operand.type, t.Int) and isinstance(type_, t.Address):
            return self.pointer(inner, self.spelling.name(type_))
        if isinstance(operand.type, (t.Int, t.Bool)) and isinstance(type_, t.Int):
            if inner.literal and isinstance(operand, n.Const):
                return inner if holds(type_, operand.type) else self.cast_to(inner, type_)
            same = holds(type_, operand.type) and not (isinstance(operand.type, t.Int) and operand.type.big_endian)
            return inner if same else self.cast_to(inner, type_)
        return self.cast_to(inner, type_)

    def pointer(self, number: Fragment, spelling: str) -> Fragment:
        """A pointer from a number, which C wants to be as wide as a pointer."""
        wide = number if number.literal or number.type.size == 8 else self.cast_to(number, t.U64)
        return Fragment(f"({spelling}){wide.within(Binding.UNARY)}", Binding.UNARY, t.Address())

    def cast_to(self, fragment: Fragment, type_: t.Type) -> Fragment:
        """A cast; a literal takes a suffix instead where there is one."""
        suffix = _SUFFIXES.get(type_) if isinstance(type_, t.Int) else None
        if suffix and fragment.literal and fragment.text.isdecimal():
            return Fragment(fragment.text + suffix, Binding.POSTFIX, type_, literal=True)
        return Fragment(f"({self.spelling.name(type_)}){fragment.within(Binding.UNARY)}", Binding.UNARY, type_)

    def _at_least(self, fragment: Fragment, type_: t.Type) -> Fragment:
        """The fragment in exactly ``type_`` (promoted)."""
        return fragment if promoted(fragment.type) == promoted(type_) else self.cast_to(fragment, type_)


def is_call(expr: n.Select) -> bool:
    """Whether a choice between two numbers is written as the call of a function."""
    return expr.type == t.U64 and (is_larger(expr) or _is_smaller(expr))


def is_larger(expr: n.Select) -> bool:
    """Whether this is the larger of a number and a constant."""
    match expr:
        case n.Select(n.Binary(n.BinaryOp.GT | n.BinaryOp.GE, left, right), then, n.Const() as least):
            return left == then and right == least
        case _:
            return False


def _is_smaller(expr: n.Select) -> bool:
    """Whether this is the smaller of two numbers."""
    match expr:
        case n.Select(n.Binary(n.BinaryOp.LT | n.BinaryOp.LE, left, right), then, otherwise):
            return left == then and right == otherwise
        case _:
            return False


def _adapts(fragment: Fragment) -> bool:
    """Whether this is a literal that is not negative: it takes another operand's type unharmed."""
    return fragment.literal and not fragment.text.startswith("-")


def _converts(fragment: Fragment, type_: t.Type) -> bool:
    """Whether C's conversion to ``type_`` gives the number that the IR's node has."""
    return holds(type_, fragment.type) or fragment.literal


def _exact(left: Fragment, right: Fragment) -> bool:
    """Whether C computes in a type that holds both numbers as they are."""
    result = common(left.type, right.type)
    return all(holds(result, one.type) or _adapts(one) for one in (left, right))
