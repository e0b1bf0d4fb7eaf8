# SPDX-License-Identifier: Apache-2.0
"""Which nullable references a test has shown not to be null, at each point of a function.

Facts are about expressions that read locals only; writing a local ends the facts about it.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.check_types import require
from honey.ir.walk import Node, children, pick, root_place, walk
from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class NonNullFacts:
    """The expressions known not to be null, and those known to be."""

    known: frozenset[n.Expr] = frozenset()
    null: frozenset[n.Expr] = frozenset()

    def holds(self, expr: n.Expr) -> bool:
        """Whether ``expr`` cannot be null here."""
        return expr in self.known

    def given(self, condition: n.Expr, truth: bool) -> NonNullFacts:
        """The facts where ``condition`` has turned out to be ``truth``."""
        known, null = _learned(condition, truth, shows=False), _learned(condition, truth, shows=True)
        return NonNullFacts(self.known | known, self.null | null)

    def without(self, locals_: frozenset[int]) -> NonNullFacts:
        """The facts that survive a write to some locals (by id)."""
        if not locals_:
            return self
        known, null = (
            frozenset(expr for expr in facts if not (_locals_read(expr) & locals_)) for facts in (self.known, self.null)
        )
        return NonNullFacts(known, null)


def _meet(left: NonNullFacts | None, right: NonNullFacts | None) -> NonNullFacts | None:
    """The facts where two paths meet; ``None`` is a path that does not come here."""
    if left is None or right is None:
        return left or right
    return NonNullFacts(left.known & right.known, left.null & right.null)


def _learned(condition: n.Expr, truth: bool, *, shows: bool) -> frozenset[n.Expr]:
    """What is shown to be null (``shows``), or not to be, where ``condition`` has turned out to be ``truth``."""
    match condition:
        case n.IsNull(operand):
            return frozenset([operand]) if truth is shows else frozenset()
        case n.Unary(n.UnaryOp.NOT, operand):
            return _learned(operand, not truth, shows=shows)
        case n.Binary(n.BinaryOp.LAND | n.BinaryOp.LOR as op, left, right):
            both = _learned(left, truth, shows=shows), _learned(right, truth, shows=shows)
            return both[0] | both[1] if truth is (op is n.BinaryOp.LAND) else both[0] & both[1]
        case _:
            return frozenset()


def _locals_read(expr: n.Expr) -> frozenset[int]:
    return frozenset(node.local.id for node in walk(expr) if isinstance(node, n.LocalPlace))


_WRITING = frozenset((n.Assign, n.AddressOf, n.ProbeRead, n.AtomicAdd, n.HelperCall))


def locals_written(root: n.Block | n.Stmt) -> frozenset[int]:
    """The locals (by id) that statements may write: by assignment, as a read's target, or through their address."""
    written: set[int] = set()
    for node in pick(root, _WRITING):
        match node:
            case n.Assign(place) | n.AddressOf(place) | n.ProbeRead(_, place) | n.AtomicAdd(place):
                base = root_place(place)
                if isinstance(base, n.LocalPlace):
                    written.add(base.local.id)
            case n.HelperCall(_, args):
                bases = [root_place(arg) for arg in args if isinstance(arg, n.Place)]
                written.update(base.local.id for base in bases if isinstance(base, n.LocalPlace))
    return frozenset(written)


def check_nonnull(block: n.Block, facts: NonNullFacts) -> NonNullFacts | None:
    """Check every `NonNull` in ``block``; the facts at its end, or ``None`` if nothing reaches it."""
    current = facts
    for statement in block:
        match statement:
            case n.If(condition, then, otherwise):
                _check_expr(condition, current)
                after_then = check_nonnull(then, current.given(condition, True))
                after_else = check_nonnull(otherwise, current.given(condition, False))
                met = _meet(after_then, after_else)
                if met is None:
                    return None
                current = met
            case n.For(body=body):
                current = current.without(locals_written(body))
                check_nonnull(body, current)
            case n.Scope(body):
                inner = check_nonnull(body, current)
                if inner is None:
                    return None
                current = inner
            case n.Return(value):
                if value is not None:
                    _check_expr(value, current)
                return None
            case n.Break() | n.Raise():
                return None
            case n.Let() | n.Assign() | n.Eval():
                for child in children(statement):
                    _check_expr(child, current)
                current = current.without(locals_written(statement))
                current = _copied(statement, current)
    return current


def _copied(statement: n.Stmt, facts: NonNullFacts) -> NonNullFacts:
    """A local that is given a non-null reference is not null."""
    match statement:
        case n.Let(variable, value) | n.Assign(n.LocalPlace(variable), value):
            known = isinstance(value, (n.NonNull, n.AddressOf)) or value in facts.known
            reading = n.Read(n.LocalPlace(variable), variable.type)
            return NonNullFacts(facts.known | {reading}, facts.null) if known else facts
        case _:
            return facts


def _check_expr(node: Node, facts: NonNullFacts) -> None:
    match node:
        case n.Binary(n.BinaryOp.LAND, left, right):
            _check_expr(left, facts)
            _check_expr(right, facts.given(left, True))
        case n.Binary(n.BinaryOp.LOR, left, right):
            _check_expr(left, facts)
            _check_expr(right, facts.given(left, False))
        case n.Select(condition, then, otherwise):
            _check_expr(condition, facts)
            _check_expr(then, facts.given(condition, True))
            _check_expr(otherwise, facts.given(condition, False))
        case n.NonNull(operand):
            nullable = isinstance(operand.type, t.Ref) and operand.type.nullable
            require(facts.holds(operand) or not nullable, "no test has shown it not to be null", node)
            _check_expr(operand, facts)
        case _:
            for child in children(node):
                _check_expr(child, facts)
