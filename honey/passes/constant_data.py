# SPDX-License-Identifier: Apache-2.0
"""Puts constant structs that helpers are only pointed at into read-only memory.

    first = %stats{}                            static const first = {}
    update(map, key, first)               →     update(map, key, first)

On the stack such a struct takes a store a word, each time, and room. Proof obligation: nobody writes it, and it is used
as a map's key or value only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir.walk import map_blocks, next_local_id, pick, rewrite_block, uses, walk
from honey.passes.rewriting import each_function, effect_of, with_body, with_effect
from honey.records import replace

_STRUCTS = frozenset((n.StructValue,))
LEAST = 16
"""Bytes from which on an address costs less than the stores."""


def run(program: n.Program) -> n.Program:
    """``program`` with constant structs in read-only memory."""
    return each_function(program, _function)


def _function(function: n.Function) -> n.Function:
    if not any(pick(function.body, _STRUCTS)):
        return function
    ids = iter(range(next_local_id(function), 1 << 30))
    function = with_body(function, map_blocks(function.body, lambda block: _named(block, ids)))
    total = uses(function.body)
    stored = _stored(function.body)

    def rule(node: object) -> object:
        if isinstance(node, n.Let) and isinstance(node.value, n.StructValue) and node.local.type.size >= LEAST:
            id_ = node.local.id
            if _is_constant(node.value) and stored[id_] == total[id_]:
                return replace(node, static=True, beyond=False)
        return node

    return with_body(function, rewrite_block(function.body, rule, _STRUCTS))


def _named(block: n.Block, ids: Iterator[int]) -> n.Block:
    """The block with a local for each constant struct that an update stores as it is."""
    out: list[n.Stmt] = []
    for statement in block:
        effect = effect_of(statement)
        if isinstance(effect, n.MapUpdate) and isinstance(effect.value, n.StructValue) and _is_constant(effect.value):
            local = n.Local(next(ids), "", effect.value.type)
            out.append(n.Let(local, effect.value, statement.span))
            update = replace(effect, value=n.Read(n.LocalPlace(local), local.type))
            out.append(with_effect(statement, update))
        else:
            out.append(statement)
    return block if len(out) == len(block) else tuple(out)


def _stored(body: n.Block) -> Counter[int]:
    """How often each local is a map's key or value."""
    count: Counter[int] = Counter()
    for node in walk(body):
        if isinstance(node, n.MapLookup | n.NewEntry | n.MapUpdate | n.MapDelete):
            for part in (node.key, getattr(node, "value", None)):
                if isinstance(part, n.Read) and isinstance(part.place, n.LocalPlace):
                    count[part.place.local.id] += 1
    return count


def _is_constant(value: n.Expr) -> bool:
    if isinstance(value, n.StructValue):
        return all(_is_constant(inner) for _, inner in value.fields)
    return isinstance(value, n.Const | n.Bytes)
