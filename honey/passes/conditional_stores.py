# SPDX-License-Identifier: Apache-2.0
"""Stores where something changes, and not where what is there would be stored again.

    stats.peak = max(stats.peak, size)          if stats.peak < size
                                          →       stats.peak = size

Proof obligation: in the case left out, the place would be given the value that it holds. Should another CPU have
changed it in between, storing the old value would have lost that change.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Writes, escaped_locals, reads
from honey.ir.symbols import Symbols
from honey.ir.walk import map_blocks, pick, root_place
from honey.passes.constant_folding import fold
from honey.passes.rewriting import as_block, each_function, with_body

_SELECTIONS = frozenset((n.Select,))


def run(program: n.Program) -> n.Program:
    """``program`` with stores under conditions."""
    writes = Writes(Symbols.of(program))

    def rule(function: n.Function) -> n.Function:
        if not any(pick(function.body, _SELECTIONS)):
            return function
        escaped = escaped_locals(function)
        return with_body(function, map_blocks(function.body, lambda block: _block(block, writes, escaped)))

    return each_function(program, rule)


def _block(block: n.Block, writes: Writes, escaped: frozenset[int]) -> n.Block:
    out: list[n.Stmt] = []
    held: dict[n.Expr, n.Read] = {}
    for statement in block:
        out.append(_conditional(statement, held))
        written = writes.of(statement)
        held = {local: read for local, read in held.items() if not reads((local, read)).meets(written, escaped)}
        if isinstance(statement, n.Let) and isinstance(statement.value, n.Read):
            held[n.Read(n.LocalPlace(statement.local), statement.local.type)] = statement.value
    return as_block(out, block)


def _conditional(statement: n.Stmt, held: dict[n.Expr, n.Read]) -> n.Stmt:
    """The store under its condition; ``held`` are locals that still have what a place holds."""
    match statement:
        case n.Assign(place, n.Select(condition, then, otherwise), span) if _in_memory(place):
            reading = n.Read(place, place.type)
            if reading in (otherwise, held.get(otherwise)):
                return n.If(condition, (n.Assign(place, then, span),), (), span)
            if reading in (then, held.get(then)):
                opposite = fold(n.Unary(n.UnaryOp.NOT, condition, t.BOOL))
                assert isinstance(opposite, n.Expr)
                return n.If(opposite, (n.Assign(place, otherwise, span),), (), span)
    return statement


def _in_memory(place: n.Place) -> bool:
    """Whether a store costs something: a local may well live in a register."""
    return isinstance(root_place(place), n.DerefPlace)
