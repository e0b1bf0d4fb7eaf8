# SPDX-License-Identifier: Apache-2.0
"""Brings branches into the form that a person would write, and that the passes after it expect.

| branch | becomes |
|---|---|
| ``if (a) { if (b) X }`` | ``if (a && b) X`` |
| ``if (a) X if (a) Y else Z`` | ``if (a) { X Y } else Z`` |
| ``if (a) X if (!a) return 0;`` | ``if (!a) return 0; X`` |
| ``x; x = y;``, which is left of a branch then | ``x = y;``, declared there |

Proof obligation: the second test is evaluated exactly where it was, after the first and only if that holds, as ``&&``
does; an expression has no effect, so that nothing else happens in between. Of two branches on one test, the first does
not write what the test reads, and is not left.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.verify import leaves
from honey.ir.walk import map_blocks, pick, root_place
from honey.passes.rewriting import as_block, declared_with_values, each_function, with_body

_READS = frozenset((n.Read,))


def run(program: n.Program) -> n.Program:
    """``program`` with branches joined."""
    return each_function(program, lambda function: with_body(function, map_blocks(function.body, _block)))


def _block(block: n.Block) -> n.Block:
    out: list[n.Stmt] = []
    for statement in map(_joined, block):
        at = next((at for at in range(len(out) - 1, -1, -1) if not _only_declares(out[at])), -1)
        first = out[at] if at >= 0 else None
        both = _on_one_test(first, statement) if isinstance(first, n.If) and isinstance(statement, n.If) else None
        if both is None:
            out.append(statement)
        else:
            out[at:] = [*out[at + 1 :], *both]
    return as_block(declared_with_values(out), block)


def _joined(statement: n.Stmt) -> n.Stmt:
    match statement:
        case n.If(first, (n.If(second, then, ()),), (), span):
            return n.If(n.Binary(n.BinaryOp.LAND, first, second, t.BOOL), then, (), span)
        case _:
            return statement


def _only_declares(statement: n.Stmt) -> bool:
    return isinstance(statement, n.Let) and (statement.value is None or isinstance(statement.value, n.Const))


def _on_one_test(first: n.If, second: n.If) -> n.Block | None:
    """Two branches, one after the other, as one; ``None`` if they do not depend on the same."""
    test, negated = _plain(first.condition)
    other, other_negated = _plain(second.condition)
    if test != other or not _stays(test, first) or leaves(first.then) or leaves(first.otherwise):
        return None
    if (first.expected, second.expected) != (None, None):
        return None
    ways = (second.then, second.otherwise) if negated is other_negated else (second.otherwise, second.then)
    then, otherwise = (*first.then, *ways[0]), (*first.otherwise, *ways[1])
    if leaves(then) and not leaves(otherwise):
        return (n.If(first.condition, then, (), second.span), *otherwise)
    if leaves(otherwise) and not leaves(then):
        opposite = test if negated else n.Unary(n.UnaryOp.NOT, test, t.BOOL)
        return (n.If(opposite, otherwise, (), second.span), *then)
    return (n.If(first.condition, then, otherwise, first.span),)


def _plain(condition: n.Expr) -> tuple[n.Expr, bool]:
    """A condition without the negations in front of it, and whether it is negated."""
    negated = False
    while isinstance(condition, n.Unary) and condition.op is n.UnaryOp.NOT:
        condition, negated = condition.operand, not negated
    return condition, negated


def _stays(test: n.Expr, branch: n.If) -> bool:
    """Whether the test gives the same after the branch: it reads locals alone, which the branch does not write."""
    places = [root_place(node.place) for node in pick(test, _READS)]
    read = {place.local.id for place in places if isinstance(place, n.LocalPlace)}
    return all(isinstance(place, n.LocalPlace) for place in places) and not read & locals_written(
        (*branch.then, *branch.otherwise)
    )
