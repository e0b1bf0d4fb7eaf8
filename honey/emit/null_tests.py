# SPDX-License-Identifier: Apache-2.0
"""Tests for null, and which of them clang may merge with others.

Whether both of two values are zero, or one of them is not, is to clang one test of ``a | b``. Where one of the two is a
pointer, the verifier refuses that. So a test of a reference whose outcome is used as a number is written as one that
clang does not know to be the test (``outcome``). Truth values that are only asked for are not numbers.
"""

from __future__ import annotations

from collections.abc import Set
from itertools import chain

from honey.emit.alternatives import Alternatives
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import pick, root_place, walk
from honey.records import dataclass

_ASKING = frozenset((n.IsNull, n.LocalPlace))
_CALCULATING = frozenset((n.Binary, n.Unary, n.Select, n.ByteSwap, n.LocalPlace))
_LETS = frozenset((n.Let,))
_PLACES = frozenset((n.LocalPlace,))
_RETURNS = frozenset((n.Return,))

Tests = frozenset[str]
"""What is tested for zero: names for references, the same for the same one, and `NUMBER` for all numbers."""

NUMBER = ""
_NONE: Tests = frozenset()
_A_NUMBER: Tests = frozenset((NUMBER,))


@dataclass(frozen=True, slots=True)
class NullTests:
    """What tests references in one function."""

    held: frozenset[int] = frozenset()
    """Locals (by id) that hold whether references are null."""
    calculated: frozenset[int] = frozenset()
    """Locals (by id) that hold what was calculated: to compare ``x + 5`` with 5 is to test ``x`` for zero."""
    typed: bool = False
    """Whether the addresses that the function is given are pointers to the verifier."""

    @classmethod
    def of(cls, function: n.Function, symbols: Symbols) -> NullTests:
        """The tests of ``function``."""
        section = function.section
        typed = section is not None and section.program_type == "BPF_PROG_TYPE_TRACING"
        changing = locals_written(function.body)
        held, calculated = set[int](), set(changing)
        for let in pick(function.body, _LETS):
            if isinstance(let.value, n.Expr) and _calculates(let.value, calculated):
                calculated.add(let.local.id)
            if (
                isinstance(let.local.type, t.Bool)
                and let.local.id not in changing
                and _gives(let.value, held, symbols, typed)
            ):
                held.add(let.local.id)
        return cls(frozenset(held), frozenset(calculated), typed)

    def reference(self, expr: n.Expr) -> bool:
        """Whether a reference is tested for null."""
        return _tests(expr, self.held, self.typed)

    def joinable(self, op: n.BinaryOp, expr: n.Expr) -> Tests:
        """The tests in ``expr`` that clang may make one with another that ``op`` joins to it."""
        is_and = op is n.BinaryOp.LAND
        match expr:
            case n.Unary(n.UnaryOp.NOT, operand):
                return self.joinable(n.BinaryOp.LOR if is_and else n.BinaryOp.LAND, operand)
            case n.Binary(inner, left, right) if inner.logical:
                return frozenset(chain(*(self.joinable(each, side) for side in (left, right) for each in {op, inner})))
            case n.IsNull(operand):
                return frozenset((self._name(operand),)) if is_and else _NONE
            case n.Binary(n.BinaryOp.EQ, _, n.Const(0)):
                return _A_NUMBER if is_and else _NONE
            case n.Binary(n.BinaryOp.NE, _, n.Const(0)):
                return _NONE if is_and else _A_NUMBER
            case n.Binary(compare, left, right) if compare.compares:
                return _A_NUMBER if self._is_calculated(left) or _may_test_for_zero(compare, right) else _NONE
            case n.Cast(_, t.Bool()) | n.Read(_, t.Bool()):
                return frozenset((str(expr),)) if self.reference(expr) else _A_NUMBER
            case _:
                return _NONE

    def _is_calculated(self, expr: n.Expr) -> bool:
        return _calculates(expr, self.calculated)

    def _name(self, operand: n.Expr) -> str:
        """What a tested value is called among tests."""
        if not _is_pointer(operand.type, typed=self.typed):
            return NUMBER
        if isinstance(operand, n.Read) and isinstance(operand.place, n.LocalPlace):
            return str(operand.place.local.id)
        return str(operand)


def _is_pointer(type_: t.Type, *, typed: bool) -> bool:
    """Whether the verifier takes a value for a pointer that may be null. One into a packet is compared with its end."""
    if isinstance(type_, t.Ref):
        return type_.space is not t.Space.PACKET
    return typed and isinstance(type_, t.Address) and type_.space is t.Space.KERNEL


def _calculates(expr: n.Expr, calculated: Set[int]) -> bool:
    """Whether a number is more than what was read, or than a local that is not ``calculated``."""
    return any(not isinstance(node, n.LocalPlace) or node.local.id in calculated for node in pick(expr, _CALCULATING))


def _may_test_for_zero(compare: n.BinaryOp, other: n.Expr) -> bool:
    """Whether a comparison may turn out to be one with zero: a number that is never negative is 0 if it is below 1."""
    if not isinstance(other, n.Const):
        return True
    if compare in (n.BinaryOp.GT, n.BinaryOp.LE):
        return other.value == 0
    return other.value == 1


def _tests(expr: n.Expr, held: Set[int], typed: bool) -> bool:
    return any(
        _is_pointer(node.operand.type, typed=typed) if isinstance(node, n.IsNull) else node.local.id in held
        for node in pick(expr, _ASKING)
    )


def _gives(value: n.Expr | n.Effect | None, held: Set[int], symbols: Symbols, typed: bool) -> bool:
    """Whether ``value`` is the outcome of a test of a reference, made here or in a function."""
    if isinstance(value, n.Call):
        return _answers(symbols.functions[value.function], symbols)
    return isinstance(value, n.Expr) and _tests(value, held, typed)


def _answers(function: n.Function, symbols: Symbols) -> bool:
    """Whether a function gives the outcome of a test of a reference."""
    if not isinstance(function.result, t.Bool):
        return False
    held = NullTests.of(function, symbols).held
    return any(_gives(end.value, held, symbols, typed=False) for end in pick(function.body, _RETURNS))


def merged(first: Tests, second: Tests) -> bool:
    """Whether clang may make one of two tests of different values, one of them a reference."""
    return any(one != other for one in first for other in second)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a function compares, or calculates what it compares from, with numbers that clang may know."""

    locals: frozenset[int]
    """By id."""
    choices: frozenset[n.Select]

    @classmethod
    def of(cls, function: n.Function, known: Alternatives, *, result: bool) -> Compared:
        """``result``: whether what the function gives is compared; what it gives to others is."""
        values: dict[int, list[n.Expr | n.Effect]] = {}
        waiting: list[n.Expr | n.Effect] = []
        for node in walk(function.body):
            match node:
                case n.Let(local, value) if value is not None:
                    values.setdefault(local.id, []).append(value)
                case n.Assign(place, value) if isinstance(root := root_place(place), n.LocalPlace):
                    values.setdefault(root.local.id, []).append(value)
                case n.If(condition) | n.Select(condition):
                    waiting.append(condition)
                case n.Binary(op, left, right) if op.compares:
                    waiting += (left, right)
                case n.Unary(n.UnaryOp.NOT, operand) | n.Cast(operand, t.Bool()):
                    waiting.append(operand)
                case n.Call(_, args):
                    waiting += args
                case n.Return(value) if result and value is not None:
                    waiting.append(value)
                case _:
                    pass
        given = {param.id for param in function.params}
        found, choices = set[int](), set[n.Select]()
        while waiting:
            match waiting.pop():
                case n.Binary(op, left, right) if not (op.compares or op.logical):
                    # With a number that is not known on any way, nothing can be said of the sum.
                    for each, other in ((left, right), (right, left)):
                        if known.of(other) and not any(place.local.id in given for place in pick(other, _PLACES)):
                            waiting.append(each)
                case n.Read(place) if isinstance(root := root_place(place), n.LocalPlace):
                    if root.local.id not in found:
                        found.add(root.local.id)
                        waiting += values.get(root.local.id, ())
                case n.Select(_, then, otherwise) as choice:
                    choices.add(choice)
                    waiting += (then, otherwise)
                case n.Unary(_, operand) | n.Cast(operand) | n.ByteSwap(_, operand):
                    waiting.append(operand)
                case _:
                    pass  # The conditions in it are among those that have been waiting from the start.
        return cls(frozenset(found), frozenset(choices))
