# SPDX-License-Identifier: Apache-2.0
"""Stores a number for a helper where the helper is called, not where the number is made.

    if entry                                    if entry
      *entry = *entry + bytes                     *entry = *entry + bytes
    else                                  →     else
      update(totals, key, bytes)                  first = bytes
                                                  update(totals, key, first)

A helper takes a value's address, and a local whose address is taken lies in memory from the start, on every path. With
a copy made for the helper, the number itself stays in a register. Proof obligation: the copy is the number.
"""

from __future__ import annotations

from collections import Counter

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import blocks_of, next_local_id, pick, uses, walk
from honey.passes.rewriting import as_block, each_function, effect_of, with_blocks, with_body, with_effect
from honey.records import dataclass, replace

_UPDATES = frozenset((n.MapUpdate,))


def run(program: n.Program) -> n.Program:
    """``program`` with numbers stored late."""

    def rule(function: n.Function) -> n.Function:
        if not any(pick(function.body, _UPDATES)):
            return function
        late = _Late(function, next_local_id(function), _Uses.of(function.body))
        return with_body(function, late.block(function.body, frozenset(), frozenset()))

    return each_function(program, rule)


@dataclass(slots=True)
class _Late:
    function: n.Function
    next_id: int
    uses: _Uses

    def block(self, block: n.Block, outer: frozenset[int], own: frozenset[int]) -> n.Block:
        """The block with copies for numbers of the blocks around it (``outer``)."""
        out: list[n.Stmt] = []
        for statement in block:
            if isinstance(statement, n.Let):
                own = own | {statement.local.id}
            inner = [self.block(one, outer | own | self._params(), frozenset()) for one in blocks_of(statement)]
            new = with_blocks(statement, inner)
            out.extend(self._stored(new, outer) if outer else (new,))
        return as_block(out, block)

    def _params(self) -> frozenset[int]:
        return frozenset(param.id for param in self.function.params)

    def _stored(self, statement: n.Stmt, outer: frozenset[int]) -> tuple[n.Stmt, ...]:
        effect = effect_of(statement)
        if not isinstance(effect, n.MapUpdate):
            return (statement,)
        match effect.value:
            case n.Read(n.LocalPlace(local)) if local.id in outer and self._in_register(local):
                copy = n.Local(self.next_id, "first", local.type)
                self.next_id += 1
                update = replace(effect, value=n.Read(n.LocalPlace(copy), copy.type))
                return (n.Let(copy, effect.value, statement.span), with_effect(statement, update))
            case _:
                return (statement,)

    def _in_register(self, local: n.Local) -> bool:
        """Whether the number would live in a register if it were not for helpers that want it in memory."""
        if not isinstance(local.type, t.Int) or local.id in self.uses.pointed_at:
            return False
        return self.uses.all[local.id] > self.uses.stored[local.id]


@dataclass(frozen=True, slots=True)
class _Uses:
    """How often locals (by id) stand in a function, how often for a map's helpers, and whose address is taken."""

    all: Counter[int]
    stored: Counter[int]
    pointed_at: frozenset[int]

    @classmethod
    def of(cls, body: n.Block) -> _Uses:
        """Those of a function, counted once."""
        stored: Counter[int] = Counter()
        pointed_at: set[int] = set()
        for node in walk(body):
            if isinstance(node, (n.AddressOf, n.ProbeRead)):
                pointed_at |= uses(node).keys()
            elif isinstance(node, n.MapUpdate | n.MapLookup | n.NewEntry | n.MapDelete):
                stored += uses(node)
        return cls(uses(body), stored, frozenset(pointed_at))
