# SPDX-License-Identifier: Apache-2.0
"""Computes values where what they are made of is at hand, so that it need not be kept across calls.

| what | moves up |
|---|---|
| what a handler reads from its context, if that is all it wants of the context | to the start |
| a struct made of numbers that are not used any more | to where the last of them is known |

A number that outlives a call needs one of four registers, or the stack; the context itself needs one for as long as it
is read from.

Proof obligation: what moves is an expression, which has no effect; it moves over statements that write nothing of what
it reads, and a struct stays behind the last test that may leave. The context never changes.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Writes, escaped_locals, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import map_blocks, uses, walk
from honey.passes.rewriting import each_function, with_body

_MOST_FROM_CONTEXT = 3
"""Values that may wait in registers from the start on; a fourth would leave none for anything else."""


def run(program: n.Program) -> n.Program:
    """``program`` with values computed early."""
    writes = Writes(Symbols.of(program))

    def rule(function: n.Function) -> n.Function:
        escaped, changing = escaped_locals(function), locals_written(function.body)
        body = map_blocks(function.body, lambda block: _structs_up(block, writes, escaped, changing))
        return with_body(function, _context_first(function, body))

    return each_function(program, rule)


# ---------------------------------------------------------------- the context


def _context_first(function: n.Function, body: n.Block) -> n.Block:
    if function.section is None:
        return body
    context = function.params[0].id
    moving = [one for one in body if _reads_only_context(one, context)]
    used = sum(uses(one)[context] for one in moving)
    if not moving or len(moving) > _MOST_FROM_CONTEXT or used != uses(body)[context]:
        return body
    rest = [one for one in body if not any(one is other for other in moving)]
    new = (*moving, *rest)
    return body if all(one is old for one, old in zip(new, body, strict=True)) else new


def _reads_only_context(statement: n.Stmt, context: int) -> bool:
    if not isinstance(statement, n.Let) or not isinstance(statement.value, n.Expr):
        return False
    found = reads(statement.value)
    return found.locals == {context} and found.spaces <= {t.Space.CONTEXT}


# ---------------------------------------------------------------- structs


def _structs_up(block: n.Block, writes: Writes, escaped: frozenset[int], changing: frozenset[int]) -> n.Block:
    out = list(block)
    for at, statement in enumerate(block):
        if isinstance(statement, n.Let) and isinstance(statement.value, n.StructValue):
            target = _earliest(out, at, writes, escaped)
            if target < at and _frees_a_number(statement, block[at + 1 :], changing):
                out.insert(target, out.pop(at))
    return block if all(one is old for one, old in zip(out, block, strict=True)) else tuple(out)


def _earliest(block: list[n.Stmt], at: int, writes: Writes, escaped: frozenset[int]) -> int:
    """The first position that the statement may move to; 0 to ``at``."""
    statement = block[at]
    assert isinstance(statement, n.Let)
    assert isinstance(statement.value, n.Expr)
    needed = reads(statement.value)
    while at > 0:
        before = block[at - 1]
        leaves = any(isinstance(node, (n.Return, n.Raise, n.Break)) for node in walk(before))
        if leaves or writes.of(before).meets(needed, escaped) or not _calls_something(block, at):
            break
        at -= 1
    return at


def _calls_something(block: list[n.Stmt], at: int) -> bool:
    """Whether moving up from ``at`` passes an effect at some point: there is no use in moving over expressions."""
    return any(isinstance(node, n.Effect) for one in block[:at] for node in walk(one))


def _frees_a_number(statement: n.Let, later: n.Block, changing: frozenset[int]) -> bool:
    """Whether a local that the struct is made of is not read after it."""
    assert isinstance(statement.value, n.StructValue)
    after = uses(later)
    values = [value for _, value in statement.value.fields]
    numbers = [
        value.place.local for value in values if isinstance(value, n.Read) and isinstance(value.place, n.LocalPlace)
    ]
    return any(after[number.id] == 0 and number.id not in changing for number in numbers)
