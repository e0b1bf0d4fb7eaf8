# SPDX-License-Identifier: Apache-2.0
"""Look up, change, store again becomes look up and change in place.

| after ``entry = lookup(map, key)``, known not to be null | becomes |
|---|---|
| ``update(map, key, *entry, BPF_ANY)`` | nothing |
| ``update(map, key, number, BPF_ANY)`` | ``*entry = number`` |
| ``copy = *entry; copy.field = ...; update(map, key, copy, BPF_ANY)`` | ``entry->field = ...`` |
| ``update(map, key, number, BPF_ANY)``, null or not | ``if (entry) *entry = number; else update(...)`` |

Proof obligation. Between look-up and update nothing else of the program changes the map, writes the key, or (third row)
leaves the handler or reads through ``entry`` what has been changed in the copy. Then, on one CPU, the entry holds the
same bytes either way. With other CPUs and user space at work at the same time, every outcome of the change in place is
one that the update could have had:

* An entry deleted in between is created again by the update, and stays deleted here: the update could have come first.
* Updates copy the whole value, and lose what others added to the entry between copying and storing; here nothing that
  is not written is lost.
* A reader may see some fields changed and others not yet. That is why a struct that is not a changed copy of the entry
  still goes through the update, which replaces it at once.

The pass keeps away where the two do differ: in maps from which the program itself deletes, because the memory of a
deleted entry may be another key's by the time it is written to; in LRU maps, where that happens by itself and an update
also makes the entry the last to be dropped; with ``BPF_NOEXIST``, which fails on an entry that exists; and where the
program looks at the update's result. User space that deletes while handlers run is on its own, as with any C that
changes what it looked up.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import SILENT_CALLS, Footprint, Writes, escaped_locals, reads
from honey.ir.nonnull import NonNullFacts, locals_written
from honey.ir.symbols import Symbols
from honey.ir.verify import leaves
from honey.ir.walk import Node, blocks_of, children, pick, rewrite_block, root_place, uses
from honey.passes.rewriting import as_block, each_function, with_blocks, with_body
from honey.records import dataclass, replace

_KINDS = {n.MapKind.HASH, n.MapKind.ARRAY, n.MapKind.PERCPU_HASH, n.MapKind.PERCPU_ARRAY}
_UPDATES = frozenset((n.MapUpdate,))
_DELETES = frozenset((n.MapDelete,))
_FLAGS = {0: "BPF_ANY", 2: "BPF_EXIST"}


def run(program: n.Program) -> n.Program:
    """``program`` with entries changed in place."""
    symbols = Symbols.of(program)
    writes = Writes(symbols)
    kept = frozenset(
        definition.name
        for definition in program.maps
        if definition.kind in _KINDS and definition.name not in _deleted_from(program)
    )

    def rule(function: n.Function) -> n.Function:
        if not any(pick(function.body, _UPDATES)):
            return function
        in_place = _InPlace(kept, writes, escaped_locals(function), locals_written(function.body), function)
        return with_body(function, in_place.block(function.body, (), NonNullFacts()))

    return each_function(program, rule)


def _deleted_from(program: n.Program) -> frozenset[str]:
    """The maps that lose entries to the program itself."""
    return frozenset(node.map for function in program.functions for node in pick(function.body, _DELETES))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A look-up that still holds: the local with the reference, the map and the key, and what the key reads."""

    local: n.Local
    map: str
    key: n.Expr
    reads: Footprint

    @property
    def reading(self) -> n.Read:
        """The value of the reference."""
        return n.Read(n.LocalPlace(self.local), self.local.type)

    @property
    def value(self) -> n.DerefPlace:
        """The place of the stored value."""
        ref = self.local.type
        assert isinstance(ref, t.Ref)
        return n.DerefPlace(n.NonNull(self.reading, replace(ref, nullable=False)), ref.target)


Entries = tuple[_Entry, ...]


@dataclass(slots=True)
class _InPlace:
    maps: frozenset[str]
    writes: Writes
    escaped: frozenset[int]
    changing: frozenset[int]
    function: n.Function

    def block(self, block: n.Block, entries: Entries, facts: NonNullFacts) -> n.Block:
        """The block with its updates in place; ``entries`` and ``facts`` are those on entry."""
        out: list[n.Stmt] = []
        for statement in block:
            new = self._statement(statement, entries, facts, out)
            out.extend(new)
            entries = self._surviving(entries, new)
            if isinstance(statement, n.If):
                facts = _after(statement, facts)
            facts = facts.without(locals_written(statement))
            if isinstance(statement, n.Let) and isinstance(statement.value, n.MapLookup):
                entries = self._with_lookup(entries, statement.local, statement.value)
        return as_block(out, block)

    def _statement(
        self, statement: n.Stmt, entries: Entries, facts: NonNullFacts, before: list[n.Stmt]
    ) -> tuple[n.Stmt, ...]:
        match statement:
            case n.If(condition, then, otherwise):
                new_then = self.block(then, entries, facts.given(condition, True))
                new_otherwise = self.block(otherwise, entries, facts.given(condition, False))
                return (with_blocks(statement, [new_then, new_otherwise]),)
            case n.For(body=body):
                inner = self._surviving(entries, (statement,))
                return (with_blocks(statement, [self.block(body, inner, facts.without(locals_written(body)))]),)
            case n.Eval(n.MapUpdate() as update):
                entry = self._entry_for(update, entries)
                if entry is None:
                    return (statement,)
                if facts.holds(entry.reading):
                    changed = self._in_place(statement, update, entry, before)
                    return (statement,) if changed is None else changed
                return self._if_there(statement, update, entry, facts)
            case _:
                return (statement,)

    # ------------------------------------------------------------ what holds

    def _with_lookup(self, entries: Entries, local: n.Local, lookup: n.MapLookup) -> Entries:
        if local.id in self.changing or lookup.map not in self.maps:
            return entries
        return (*entries, _Entry(local, lookup.map, lookup.key, reads(lookup.key)))

    def _surviving(self, entries: Entries, statements: tuple[n.Stmt, ...]) -> Entries:
        if not entries:
            return entries
        written, maps = self.writes.of(statements), self.writes.maps_changed(statements)
        return tuple(
            entry for entry in entries if entry.map not in maps and not entry.reads.meets(written, self.escaped)
        )

    def _entry_for(self, update: n.MapUpdate, entries: Entries) -> _Entry | None:
        flags = update.flags.value if isinstance(update.flags, n.Const) else None
        same = (one for one in entries if one.map == update.map and one.key == update.key and flags in _FLAGS)
        return next(same, None)

    def _if_there(
        self, statement: n.Eval, update: n.MapUpdate, entry: _Entry, facts: NonNullFacts
    ) -> tuple[n.Stmt, ...]:
        """The store in place if the entry turns out to be there; nothing is gained where it is known not to be."""
        missing = n.IsNull(entry.reading)
        number = isinstance(update.value.type, (t.Int, t.Bool))
        creates = isinstance(update.flags, n.Const) and update.flags.value == 0
        if not number or not creates or entry.reading in facts.null:
            return (statement,)
        there = n.Unary(n.UnaryOp.NOT, missing, t.BOOL)
        store = n.Assign(entry.value, update.value, statement.span)
        return (n.If(there, (store,), (statement,), statement.span),)

    # ------------------------------------------------------------ the three rows

    def _in_place(
        self, statement: n.Eval, update: n.MapUpdate, entry: _Entry, before: list[n.Stmt]
    ) -> tuple[n.Stmt, ...] | None:
        value = update.value
        if isinstance(value, n.Read) and value.place == entry.value:
            return ()
        if isinstance(value.type, (t.Int, t.Bool)):
            return (n.Assign(entry.value, value, statement.span),)
        if isinstance(value, n.Read) and isinstance(value.place, n.LocalPlace):
            return self._through_copy(value.place.local, entry, update, before)
        return None

    def _through_copy(
        self, copy: n.Local, entry: _Entry, update: n.MapUpdate, before: list[n.Stmt]
    ) -> tuple[n.Stmt, ...] | None:
        """Let the statements since ``copy`` was made work on the entry itself; they are the last ones of ``before``."""
        start = next((at for at, one in enumerate(before) if isinstance(one, n.Let) and one.local == copy), None)
        if start is None or copy.id in self.escaped:
            return None
        made = before[start]
        assert isinstance(made, n.Let)
        between = tuple(before[start + 1 :])
        here = uses(between)[copy.id] + uses(update)[copy.id]
        if made.value != n.Read(entry.value, copy.type) or uses(self.function.body)[copy.id] != here:
            return None
        if not all(_only_changes(one, copy) for one in between) or _sees_change(between, entry, set()):
            return None
        place = entry.value
        before[start:] = rewrite_block(between, lambda node: place if node == n.LocalPlace(copy) else node)
        return ()


def _after(statement: n.If, facts: NonNullFacts) -> NonNullFacts:
    """What a branch shows once it is behind: the opposite of what led to a side that leaves."""
    if leaves(statement.then):
        return facts.given(statement.condition, False)
    if leaves(statement.otherwise):
        return facts.given(statement.condition, True)
    return facts


def _only_changes(statement: n.Stmt, copy: n.Local) -> bool:
    """Whether a statement does nothing but compute, and store into the copy."""
    match statement:
        case n.Assign(place, value):
            return root_place(place) == n.LocalPlace(copy) and isinstance(value, n.Expr)
        case n.Let(_, value):
            return value is None or isinstance(value, n.Expr) or _is_quiet(value)
        case n.If(_, then, otherwise):
            return all(_only_changes(inner, copy) for inner in (*then, *otherwise))
        case _:
            return False


def _is_quiet(effect: n.Effect) -> bool:
    return isinstance(effect, n.HelperCall) and effect.name in SILENT_CALLS


def _sees_change(statements: n.Block, entry: _Entry, changed: set[str]) -> bool:
    """Whether a field of the entry is read from the map after it has been changed in the copy.

    ``changed`` are the fields changed so far, ``""`` for the whole; a read of other map memory may be of any field.
    """
    for statement in statements:
        for node in children(statement):
            if not isinstance(node, n.Stmt):
                for field in _map_reads(node, entry):
                    if changed and (field in changed or "" in (field, *changed)):
                        return True
        if isinstance(statement, n.Assign):
            changed.add(_first_field(statement.place))
        if any(_sees_change(inner, entry, changed) for inner in blocks_of(statement)):
            return True
    return False


def _map_reads(node: Node, entry: _Entry) -> Iterator[str]:
    """The fields of the entry that ``node`` reads; ``""`` for what may be any of them."""
    if isinstance(node, n.FieldPlace) and node.base == entry.value:
        yield node.field.partition(".")[0]
        return
    if isinstance(node, n.DerefPlace) and isinstance(node.ref.type, t.Ref) and node.ref.type.space is t.Space.MAP:
        yield ""
    for child in children(node):
        yield from _map_reads(child, entry)


def _first_field(place: n.Place) -> str:
    """The outermost field of the copy that a store changes."""
    while isinstance(place, (n.FieldPlace, n.IndexPlace)):
        if isinstance(place, n.FieldPlace) and isinstance(place.base, n.LocalPlace):
            return place.field.partition(".")[0]
        place = place.base
    return ""
