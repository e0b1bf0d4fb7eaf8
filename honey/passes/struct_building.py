# SPDX-License-Identifier: Apache-2.0
"""Makes a struct in one go where it was made empty and then filled.

    key = %key{}                         key = %key{pid: pid, port: port}
    key.pid = pid                 →
    key.port = port

A copy of a struct that was made just before, and is used for nothing else, is made itself.

Proof obligation: the stores follow the declaration at once, one after the other; each stores a value that does not read
the struct, into a field that shares no memory with the others: of a union, an initialiser would keep one member only. A
field that is stored twice keeps the last value. Nothing lies between a struct and its copy.
"""

from __future__ import annotations

from collections import Counter

from honey.ir import nodes as n
from honey.ir.symbols import Symbols
from honey.ir.walk import map_blocks, uses
from honey.passes.rewriting import each_function, with_body
from honey.records import replace


def run(program: n.Program) -> n.Program:
    """``program`` with structs built in one go."""
    symbols = Symbols.of(program)

    def rule(function: n.Function) -> n.Function:
        count = uses(function.body)
        return with_body(function, map_blocks(function.body, lambda block: _block(block, count, symbols)))

    return each_function(program, rule)


def _block(block: n.Block, count: Counter[int], symbols: Symbols) -> n.Block:
    out: list[n.Stmt] = []
    for statement in block:
        built = (_built(out[-1], statement, symbols) or _copied(out[-1], statement, count)) if out else None
        if built is None:
            out.append(statement)
        else:
            out[-1] = built
    return block if len(out) == len(block) else tuple(out)


def _built(declaration: n.Stmt, store: n.Stmt, symbols: Symbols) -> n.Stmt | None:
    """The declaration with the store that follows it taken in."""
    match declaration, store:
        case n.Let(local, n.StructValue(fields, type_)), n.Assign(n.FieldPlace(n.LocalPlace(target), name), value):
            if target != local or not isinstance(value, n.Expr) or uses(value)[local.id]:
                return None
            kept = tuple(field for field in fields if field[0] != name)
            if any(symbols.meet(type_, other, name) for other, _ in kept):
                return None
            return replace(declaration, value=n.StructValue((*kept, (name, value)), type_))
        case _:
            return None


def _copied(original: n.Stmt, copy: n.Stmt, count: Counter[int]) -> n.Stmt | None:
    """The declaration of a copy with the value of the original, which nobody else reads."""
    match original, copy:
        case n.Let(first, n.StructValue() as value), n.Let(second, n.Read(n.LocalPlace(source)), span) if (
            source == first
        ):
            return n.Let(second, value, span) if count[first.id] == 1 else None
        case _:
            return None
