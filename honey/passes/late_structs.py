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
made, and its fields are what they were made of (a bit-field may hold less, and is read); nothing writes to it. All that
is left of its uses lies in one branch, which is not in a loop that the declaration is outside of.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.footprint import reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, blocks_of, map_blocks, map_children, pick, uses
from honey.passes.rewriting import LETS, each_function, with_blocks, with_body


def run(program: n.Program) -> n.Program:
    """``program`` with its structs made late."""
    symbols = Symbols.of(program)
    return each_function(program, lambda function: _function(function, symbols))


def _function(function: n.Function, symbols: Symbols) -> n.Function:
    changing = locals_written(function.body) | {
        node.local.id for node in pick(function.body, LETS) if node.value is None
    }
    return with_body(function, map_blocks(function.body, lambda block: _block(block, changing, symbols)))


def _block(block: n.Block, changing: frozenset[int], symbols: Symbols) -> n.Block:
    if not any(isinstance(one, n.Let) and isinstance(one.value, n.StructValue) for one in block):
        return block
    out, counts = list(block), [uses(one) for one in block]
    for let in block:
        if isinstance(let, n.Let) and isinstance(let.value, n.StructValue):
            users = [at for at, count in enumerate(counts) if count[let.local.id]]
            moved = _moved(let, let.value, {at: out[at] for at in users}, changing, symbols)
            if moved:
                for at, new in moved.items():
                    out[at], counts[at] = new, uses(new)
                made = next(at for at, one in enumerate(out) if one is let)
                del out[made], counts[made]
    return block if len(out) == len(block) else tuple(out)


def _moved(
    let: n.Let, value: n.StructValue, users: dict[int, n.Stmt], changing: frozenset[int], symbols: Symbols
) -> dict[int, n.Stmt] | None:
    """The statements that use what ``let`` declares, by position, with it in the one branch that wants it."""
    needed = reads(value)
    if needed.spaces or needed.locals & changing or let.local.id in changing:
        return None
    places = ((n.FieldPlace(n.LocalPlace(let.local), name, inner.type), inner) for name, inner in value.fields)
    fields = {n.Read(place, inner.type): inner for place, inner in places if not symbols.in_bits(place)}
    out = {at: _with_values(statement, fields) for at, statement in users.items()}
    left = [at for at, statement in out.items() if uses(statement)[let.local.id]]
    if len(left) != 1:
        return None
    branch = out[left[0]]
    blocks = blocks_of(branch)
    inside = [inner for inner in blocks if uses(inner)[let.local.id]]
    if not isinstance(branch, n.If) or len(inside) != 1 or uses(branch.condition)[let.local.id]:
        return None
    out[left[0]] = with_blocks(branch, [(let, *inner) if inner is inside[0] else inner for inner in blocks])
    return out


def _with_values(statement: n.Stmt, fields: dict[n.Read, n.Expr]) -> n.Stmt:
    """The statement with fields that are read for their value replaced; a helper's key and value stay in memory."""

    def below(node: Node) -> object:
        if isinstance(node, n.MapLookup | n.MapUpdate | n.MapDelete | n.RingOutput | n.Call):
            return node
        if isinstance(node, n.Read) and node in fields:
            return fields[node]
        return map_children(node, below)

    return map_children(statement, below)
