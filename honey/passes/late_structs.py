# SPDX-License-Identifier: Apache-2.0
"""Makes a struct where it is wanted, if that is not on every path.

    now = %traffic{packets: 1, bytes: n}        if is_null(entry)
    if is_null(entry)                             now = %traffic{packets: 1, bytes: n}
      insert(map, key, now)               →       insert(map, key, now)
    if entry                                    if entry
      add(entry.packets, now.packets)             add(entry.packets, 1)
      add(entry.bytes, now.bytes)                 add(entry.bytes, n)

A struct for a helper lies on the stack, and storing it costs on every path, also where no helper is given it.

Proof obligation: the struct is made of constants and of locals that never change, so that it is the same wherever it is
made, and its fields are what they were made of; nothing writes to it. All that is left of its uses lies in one branch,
which is not in a loop that the declaration is outside of.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.footprint import reads
from honey.ir.nonnull import locals_written
from honey.ir.walk import Node, blocks_of, map_blocks, map_children, uses, walk
from honey.passes.rewriting import each_function, with_body
from honey.passes.short_lives import with_blocks


def run(program: n.Program) -> n.Program:
    """``program`` with its structs made late."""
    return each_function(program, _function)


def _function(function: n.Function) -> n.Function:
    changing = locals_written(function.body) | {
        node.local.id for node in walk(function.body) if isinstance(node, n.Let) and node.value is None
    }
    return with_body(function, map_blocks(function.body, lambda block: _block(block, changing)))


def _block(block: n.Block, changing: frozenset[int]) -> n.Block:
    for at, statement in enumerate(block):
        if isinstance(statement, n.Let) and isinstance(statement.value, n.StructValue):
            later = _moved(statement, statement.value, block[at + 1 :], changing)
            if later is not None:
                return (*block[:at], *_block(later, changing))
    return block


def _moved(let: n.Let, value: n.StructValue, later: n.Block, changing: frozenset[int]) -> n.Block | None:
    """What follows ``let``, with it in the one branch that wants it."""
    needed = reads(value)
    if needed.spaces or needed.locals & changing or let.local.id in changing:
        return None
    fields = {
        n.Read(n.FieldPlace(n.LocalPlace(let.local), name, inner.type), inner.type): inner
        for name, inner in value.fields
    }
    out = tuple(_with_values(statement, fields) for statement in later)
    users = [index for index, statement in enumerate(out) if uses(statement)[let.local.id]]
    if len(users) != 1 or not isinstance(out[users[0]], n.If):
        return None
    branch = out[users[0]]
    blocks = blocks_of(branch)
    inside = [inner for inner in blocks if uses(inner)[let.local.id]]
    if len(inside) != 1 or uses(branch)[let.local.id] != uses(inside[0])[let.local.id]:
        return None
    new = with_blocks(branch, [(let, *inner) if inner is inside[0] else inner for inner in blocks])
    return (*out[: users[0]], new, *out[users[0] + 1 :])


def _with_values(statement: n.Stmt, fields: dict[n.Read, n.Expr]) -> n.Stmt:
    """The statement with fields that are read for their value replaced; a helper's key and value stay in memory."""

    def below(node: Node) -> object:
        if isinstance(node, n.MapLookup | n.MapUpdate | n.MapDelete | n.RingOutput | n.Call):
            return node
        if isinstance(node, n.Read) and node in fields:
            return fields[node]
        return map_children(node, below)

    return map_children(statement, below)
