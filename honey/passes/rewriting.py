# SPDX-License-Identifier: Apache-2.0
"""What passes share: rebuilding a program, its functions, blocks and statements; what has not changed is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import blocks_of, uses
from honey.records import replace

CALLS = frozenset((n.Call,))
"""For what only looks at calls of the program's own functions (`honey.ir.walk.pick` and the rewriting there)."""
LETS = frozenset((n.Let,))
"""For what only looks at declarations."""


def each_function(program: n.Program, rule: Callable[[n.Function], n.Function]) -> n.Program:
    """``program`` with ``rule`` applied to each function; the same object if nothing changed."""
    functions = tuple(rule(function) for function in program.functions)
    if all(new is old for new, old in zip(functions, program.functions, strict=True)):
        return program
    return replace(program, functions=functions)


def with_body(function: n.Function, body: n.Block) -> n.Function:
    """``function`` with another body; the same object if it is the same."""
    return function if body is function.body else replace(function, body=body)


def with_effect(statement: n.Stmt, effect: n.Effect) -> n.Stmt:
    """A statement that has an effect, with another one in its place."""
    if isinstance(statement, n.Eval):
        return replace(statement, effect=effect)
    if not isinstance(statement, n.Let | n.Assign):
        raise TypeError(f"{type(statement).__name__} has no effect")
    return replace(statement, value=effect)


def effect_of(statement: n.Stmt) -> n.Expr | n.Effect | None:
    """What a statement evaluates and keeps, or evaluates for its own sake."""
    match statement:
        case n.Eval(effect):
            return effect
        case n.Let(_, value) | n.Assign(_, value):
            return value
        case _:
            return None


def as_block(statements: Sequence[n.Stmt], before: n.Block) -> n.Block:
    """The statements as a block; ``before`` itself if they are those in it."""
    return before if len(statements) == len(before) and all(map(is_, statements, before)) else tuple(statements)


def declared_with_values(block: Sequence[n.Stmt]) -> list[n.Stmt]:
    """The block with locals declared where they are first assigned, if all of them is, and that is what comes first.

    C does not take an array for an initial value.
    """
    out = list(block)
    for statement in block:
        if not isinstance(statement, n.Let) or statement.value is not None:
            continue
        if isinstance(statement.local.type, t.Array | t.Chars):
            continue
        place = n.LocalPlace(statement.local)
        at = next((at for at, one in enumerate(out) if one is not statement and uses(one)[statement.local.id]), 0)
        match out[at]:
            case n.Assign(target, value, span) if target == place and not uses(value)[statement.local.id]:
                out[at] = n.Let(statement.local, value, span)
                out = [one for one in out if one is not statement]
            case _:
                pass
    return out


def with_blocks(statement: n.Stmt, blocks: list[n.Block]) -> n.Stmt:
    """``statement`` with other inner blocks, in the order of `blocks_of`."""
    if all(new is old for new, old in zip(blocks, blocks_of(statement), strict=True)):
        return statement
    match statement:
        case n.If():
            return replace(statement, then=blocks[0], otherwise=blocks[1])
        case n.For() | n.Scope():
            return replace(statement, body=blocks[0])
        case _:
            raise AssertionError(f"{type(statement).__name__} has no blocks")
