# SPDX-License-Identifier: Apache-2.0
"""Looks whether an entry is there before it is made with ``BPF_NOEXIST``.

    update(killed, pid, 1, BPF_NOEXIST)   →     if is_null(lookup(killed, pid))
                                                  update(killed, pid, 1, BPF_NOEXIST)

"Make it unless it is there" is said of entries that are made once and met again and again. A look-up computes a hash
and compares keys; an update does so too, but takes the lock of the bucket first and switches interrupts off, to find
that there is nothing to do: it takes about four times as many instructions. Where the entry is missing, the look-up
comes on top, once an entry.

Proof obligation. Nobody looks at the update's result. Where the look-up finds the entry, an update at that moment would
have changed nothing; where it does not, or fails, the update happens as before, and another CPU that makes the entry in
between meets its ``BPF_NOEXIST``. Only hash maps: in LRU maps both touch what is dropped next, and a refused update may
have dropped an entry to get room; in arrays the update never does anything. The pass keeps away where a look-up in the
same map has just found nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import NonNullFacts, locals_written
from honey.ir.symbols import Symbols
from honey.ir.verify import leaves
from honey.ir.walk import next_local_id, pick
from honey.passes.rewriting import LETS, as_block, each_function, with_blocks, with_body
from honey.records import dataclass, replace

_KINDS = {n.MapKind.HASH, n.MapKind.PERCPU_HASH}
_NOEXIST = 1
_EVALUATED = frozenset((n.Eval,))


def run(program: n.Program) -> n.Program:
    """``program`` with its entries looked for before they are made."""
    symbols = Symbols.of(program)

    def rule(function: n.Function) -> n.Function:
        if not any(_makes_once(node, symbols) for node in pick(function.body, _EVALUATED)):
            return function
        maps = {
            node.local.id: node.value.map for node in pick(function.body, LETS) if isinstance(node.value, n.MapLookup)
        }
        ids = iter(range(next_local_id(function), 1 << 30))
        tested = _Tested(symbols, maps, locals_written(function.body), ids)
        return with_body(function, tested.block(function.body, NonNullFacts()))

    return each_function(program, rule)


def _makes_once(statement: object, symbols: Symbols) -> bool:
    match statement:
        case n.Eval(n.MapUpdate(name, _, _, n.Const(flags))):
            return flags == _NOEXIST and symbols.maps[name].kind in _KINDS
        case _:
            return False


@dataclass(slots=True)
class _Tested:
    symbols: Symbols
    looked_up: dict[int, str]
    written: frozenset[int]
    ids: Iterator[int]

    def block(self, block: n.Block, facts: NonNullFacts) -> n.Block:
        """The block with look-ups before its inserts; ``facts`` are those on entry."""
        out: list[n.Stmt] = []
        for statement in block:
            match statement:
                case n.If(condition, then, otherwise):
                    new_then = self.block(then, facts.given(condition, True))
                    new_otherwise = self.block(otherwise, facts.given(condition, False))
                    out.append(with_blocks(statement, [new_then, new_otherwise]))
                    if leaves(then) or leaves(otherwise):
                        facts = facts.given(condition, leaves(otherwise))
                case n.For(body=body) | n.Scope(body=body):
                    out.append(with_blocks(statement, [self.block(body, NonNullFacts())]))
                case n.Eval(n.MapUpdate() as update) if self._worth(statement, update, facts):
                    out.extend(self._tested(statement, update))
                case _:
                    out.append(statement)
        return as_block(out, block)

    def _worth(self, statement: n.Eval, update: n.MapUpdate, facts: NonNullFacts) -> bool:
        """Whether the entry may be there for all that is known."""
        missing = {
            self.looked_up.get(reading.place.local.id)
            for reading in facts.null
            if isinstance(reading, n.Read) and isinstance(reading.place, n.LocalPlace)
        }
        return _makes_once(statement, self.symbols) and update.map not in missing

    def _tested(self, statement: n.Eval, update: n.MapUpdate) -> Iterator[n.Stmt]:
        definition = self.symbols.maps[update.map]
        assert definition.value is not None
        key = update.key
        if not self._is_named(key):
            local = n.Local(next(self.ids), "key", key.type)
            yield n.Let(local, key, statement.span)
            key = n.Read(n.LocalPlace(local), local.type)
        found = t.Ref(definition.value, t.Space.MAP, nullable=True)
        entry = n.Local(next(self.ids), "", found)
        yield n.Let(entry, n.MapLookup(update.map, key, found), statement.span)
        insert = n.Eval(replace(update, key=key), statement.span)
        yield n.If(n.IsNull(n.Read(n.LocalPlace(entry), entry.type)), (insert,), (), statement.span)

    def _is_named(self, key: n.Expr) -> bool:
        """Whether the key is a local that never changes."""
        local = key.place.local if isinstance(key, n.Read) and isinstance(key.place, n.LocalPlace) else None
        return local is not None and local.id not in self.written
