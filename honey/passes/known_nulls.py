# SPDX-License-Identifier: Apache-2.0
"""Leaves out tests for null where an earlier test has given the answer.

    if entry                                    if entry
      if entry                            →       *entry = n
        *entry = n
      else
        update(map, key, n)

Proof obligation: `honey.ir.nonnull` knows at each point what tests on every path to it have shown, and forgets what is
said of a local that is written. A test of what is known is that constant, and its branch is one of its sides.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import NonNullFacts, locals_written
from honey.ir.verify import leaves
from honey.ir.walk import Node, pick, rewrite
from honey.passes.constant_folding import fold, fold_block
from honey.passes.rewriting import LETS, as_block, each_function, with_body
from honey.records import replace

_TWO = 2
_TESTS = frozenset((n.IsNull,))
"""Tests that there must be for one to know the answer of another."""


def run(program: n.Program) -> n.Program:
    """``program`` without tests of what is known to be null, or not to be."""
    return each_function(program, _function)


def _function(function: n.Function) -> n.Function:
    if len(list(pick(function.body, _TESTS))) < _TWO:
        return function
    body = _block(function.body, NonNullFacts())
    return with_body(function, body if body is function.body else fold_block(body))


def _block(block: n.Block, facts: NonNullFacts) -> n.Block:
    out: list[n.Stmt] = []
    for statement in block:
        new = _statement(statement, facts)
        out.append(new)
        if isinstance(statement, n.If) and leaves(statement.then) != leaves(statement.otherwise):
            facts = facts.given(statement.condition, leaves(statement.otherwise))
        facts = facts.without(_written(statement))
    return as_block(out, block)


def _written(statement: n.Stmt) -> frozenset[int]:
    """What a statement writes; a declaration in a loop writes its local once more."""
    return locals_written(statement) | frozenset(node.local.id for node in pick(statement, LETS))


def _statement(statement: n.Stmt, facts: NonNullFacts) -> n.Stmt:
    match statement:
        case n.If(condition, then, otherwise):
            decided = _decided(condition, facts)
            new_then = _block(then, facts.given(condition, True))
            new_otherwise = _block(otherwise, facts.given(condition, False))
            if decided is condition and new_then is then and new_otherwise is otherwise:
                return statement
            return replace(statement, condition=decided, then=new_then, otherwise=new_otherwise)
        case n.For(body=body) | n.Scope(body=body):
            inner = _block(body, facts.without(_written(statement)))
            return statement if inner is body else replace(statement, body=inner)
        case _:
            return statement


def _decided(condition: n.Expr, facts: NonNullFacts) -> n.Expr:
    """The condition with the answers that are known; only its own tests, as a choice inside has facts of its own."""
    if not facts.known and not facts.null:
        return condition

    def rule(node: Node) -> object:
        if isinstance(node, n.IsNull) and isinstance(node.operand.type, t.Ref):
            if facts.holds(node.operand):
                return n.Const(0, t.BOOL)
            if node.operand in facts.null:
                return n.Const(1, t.BOOL)
        return fold(node)

    found = rewrite(condition, rule)
    assert isinstance(found, n.Expr)
    return found
