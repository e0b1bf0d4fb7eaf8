# SPDX-License-Identifier: Apache-2.0
"""Writes values where they are read, and does away with the locals in between.

| what a local holds | where it goes |
|---|---|
| a constant, another local that never changes, the address of a place | to every reader |
| the value of an expression, read once, in a local that the source has no name for | to its reader |
| a number looked up in a map, read once | to its reader, so that changing it is seen as changing the map |

Proof obligation: an expression may be moved over statements that write none of the memory it reads; it has no effect
itself. The pass keeps, at each point, the locals whose expression still has the value it had at their declaration, and
forgets one as soon as something it reads may be written. A local that is written after its declaration is left alone,
and what is computed outside a loop stays outside.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Footprint, Writes, escaped_locals, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, map_children, pick, uses
from honey.passes.rewriting import as_block, each_function, with_body
from honey.records import dataclass, field, replace

N = TypeVar("N", bound=Node)
_LOCALS = frozenset((n.LocalPlace,))


def run(program: n.Program) -> n.Program:
    """``program`` with values forwarded to their readers."""
    writes = Writes(Symbols.of(program))
    return each_function(program, lambda function: _forward(function, writes))


def _forward(function: n.Function, writes: Writes) -> n.Function:
    forward = _Forward(writes, uses(function.body), locals_written(function.body), escaped_locals(function))
    return with_body(function, forward.block(function.body, {}))


@dataclass(frozen=True, slots=True)
class _Known:
    """A local's value: its expression, the memory that this reads, and the depth of loops where it was computed."""

    value: n.Expr
    reads: Footprint
    loops: int

    @property
    def trivial(self) -> bool:
        """Whether reading the value again costs nothing."""
        value = self.value.operand if isinstance(self.value, n.NonNull) else self.value
        if isinstance(value, (n.Const, n.AddressOf)):
            return not self.reads.spaces
        return isinstance(value, n.Read) and isinstance(value.place, n.LocalPlace)

    @property
    def in_own_memory(self) -> bool:
        """Whether the value lies in memory that a helper may be pointed at: a local's, or behind a stack reference."""
        return isinstance(self.value, n.Read) and self.reads.spaces <= {t.Space.STACK}


@dataclass(slots=True)
class _Forward:
    writes: Writes
    count: Counter[int]
    changing: frozenset[int]
    escaped: frozenset[int]
    loops: int = 0
    readers: dict[int, set[int]] = field(default_factory=dict)
    """For each local (by id) those whose value reads it."""
    in_memory: set[int] = field(default_factory=set)
    """The locals (by id) whose value reads memory that a reference may lead to."""

    def block(self, block: n.Block, known: dict[int, _Known]) -> n.Block:
        """The block with what is known on entry, and what it makes known, forwarded; ``known`` is as of its end."""
        out: list[n.Stmt] = []
        for statement in block:
            new = self._statement(statement, known)
            out.append(new)
            self._forget(known, self.writes.of(new))
            if isinstance(new, n.Let) and isinstance(new.value, n.Expr) and new.local.id not in self.changing:
                known[new.local.id] = self._noted(new.local, _Known(new.value, reads(new.value), self.loops))
        return as_block(out, block)

    def _statement(self, statement: n.Stmt, known: dict[int, _Known]) -> n.Stmt:
        if isinstance(statement, n.For):
            self._forget(known, self.writes.of(statement.body))
            self.loops += 1
            body = self.block(statement.body, dict(known))
            self.loops -= 1
            return statement if body is statement.body else replace(statement, body=body)
        if isinstance(statement, n.If):
            condition = self._replace(statement.condition, known)
            then, otherwise = self.block(statement.then, dict(known)), self.block(statement.otherwise, dict(known))
            same = condition is statement.condition and then is statement.then and otherwise is statement.otherwise
            return statement if same else n.If(condition, then, otherwise, statement.span)
        if not any(place.local.id in known for place in pick(statement, _LOCALS)):
            return statement
        return map_children(statement, lambda child: self._replace(child, known))

    def _replace(self, node: N, known: dict[int, _Known]) -> N:
        """``node`` with reads of known locals replaced."""
        if isinstance(node, n.Read) and isinstance(node.place, n.LocalPlace):
            found = known.get(node.place.local.id)
            if found is not None and self._worth(node.place.local, found):
                return found.value  # type: ignore[return-value]  # an expression for an expression
            return node
        if isinstance(node, n.MapLookup | n.MapUpdate | n.MapDelete):
            return self._replace_stored(node, known)
        return map_children(node, lambda child: self._replace(child, known))

    def _replace_stored(self, effect: N, known: dict[int, _Known]) -> N:
        """Keys and values are handed over in memory: a local stays, unless its value lies in memory already."""

        def rule(child: n.Expr) -> n.Expr:
            if isinstance(child, n.Read) and isinstance(child.place, n.LocalPlace):
                found = known.get(child.place.local.id)
                if found is None:
                    return child
                worth = found.in_own_memory or (
                    t.Space.MAP in found.reads.spaces and self._once(child.place.local, found)
                )
                return found.value if worth else child
            return self._replace(child, known)

        return map_children(effect, rule)

    def _worth(self, local: n.Local, found: _Known) -> bool:
        if found.trivial:
            return True
        return self._once(local, found) and (not local.name or t.Space.MAP in found.reads.spaces)

    def _once(self, local: n.Local, found: _Known) -> bool:
        return self.count[local.id] == 1 and found.loops == self.loops

    def _noted(self, local: n.Local, one: _Known) -> _Known:
        """Keeps what can end it, so that a write need not look through all that is known."""
        for read in one.reads.locals:
            self.readers.setdefault(read, set()).add(local.id)
        if one.reads.spaces or one.reads.locals & self.escaped:
            self.in_memory.add(local.id)
        return one

    def _forget(self, known: dict[int, _Known], written: Footprint) -> None:
        ending: set[int] = set()
        for id_ in written.locals:
            ending |= self.readers.get(id_, ending)
        if written.spaces or written.locals & self.escaped:
            ending |= self.in_memory & known.keys()
        for id_ in ending:
            if (one := known.get(id_)) is not None and one.reads.meets(written, self.escaped):
                del known[id_]
        for id_ in written.locals:
            known.pop(id_, None)
