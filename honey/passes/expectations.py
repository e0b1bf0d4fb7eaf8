# SPDX-License-Identifier: Apache-2.0
"""Tells which way a branch nearly always goes, so that clang moves the other way out of it.

| branch | expected |
|---|---|
| on an entry that is made where it is missing | the entry is there: it is made once, and found ever after |
| to an exception | not taken |
| on a ring buffer's record that could not be had | not taken |

Proof obligation: none, only the order of the code depends on it.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import leaves
from honey.ir.walk import map_blocks, pick
from honey.passes.rewriting import LETS, as_block, each_function, with_body
from honey.records import replace

_UPDATES = frozenset((n.MapUpdate,))
_OTHER_EXITS = frozenset((n.Return, n.Break))


def run(program: n.Program) -> n.Program:
    """``program`` with expectations noted."""
    return each_function(program, _function)


def _function(function: n.Function) -> n.Function:
    values = {node.local.id: node.value for node in pick(function.body, LETS) if node.value is not None}
    return with_body(function, map_blocks(function.body, lambda block: _block(block, values)))


def _block(block: n.Block, values: dict[int, n.Expr | n.Effect]) -> n.Block:
    out: list[n.Stmt] = []
    for at, statement in enumerate(block):
        if isinstance(statement, n.If):
            expected = _expected(statement, block[at + 1 :], values)
            out.append(statement if expected is None else replace(statement, expected=expected))
        else:
            out.append(statement)
    return as_block(out, block)


def _expected(branch: n.If, after: n.Block, values: dict[int, n.Expr | n.Effect]) -> bool | None:
    """How ``branch`` turns out; ``after`` is what follows it, and belongs to a side where the other one leaves."""
    if branch.expected is not None:
        return None
    if branch.then and isinstance(branch.then[-1], n.Raise) and not any(pick(branch.then, _OTHER_EXITS)):
        return False
    tested = _null_test(branch.condition)
    if tested is None:
        return None
    ref, when_null = tested
    value = values.get(ref.id)
    missing, there = (branch.then, branch.otherwise) if when_null else (branch.otherwise, branch.then)
    if leaves(there):
        missing = (*missing, *after)
    if isinstance(value, n.RingReserve) or (isinstance(value, n.MapLookup) and _makes_entry(missing, value.map)):
        return not when_null
    return None


def _null_test(condition: n.Expr) -> tuple[n.Local, bool] | None:
    """The reference that a condition tests, and whether it holds for null."""
    match condition:
        case n.IsNull(n.Read(n.LocalPlace(local), t.Ref())):
            return local, True
        case n.Unary(n.UnaryOp.NOT, n.IsNull(n.Read(n.LocalPlace(local), t.Ref()))):
            return local, False
        case _:
            return None


def _makes_entry(block: n.Block, name: str) -> bool:
    return any(node.map == name for node in pick(block, _UPDATES))
