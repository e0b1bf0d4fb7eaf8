# SPDX-License-Identifier: Apache-2.0
"""Lets an entry begin at zero, and changes it like one that was there, where both come to the same.

    stats = lookup(map, key)                    stats = lookup(map, key)
    if stats                                    if is_null(stats)
      atomic stats.bytes += bytes          →      stats = new_entry(map, key)
      stats.last = now                          if stats
    else                                          atomic stats.bytes += bytes
      first = %stats{bytes: bytes, last: now}     stats.last = now
      update(map, key, first)

The value that is stored needs no room on the stack and no stores, and all entries are made by one small function. An
entry that another CPU makes at the same moment is no longer overwritten: what both count is kept.

Proof obligation. The change, done to zeros, gives the value that is stored, field by field, and no two fields that it
concerns share memory; it reads no bit-fields, which may hold less than was stored. Nothing else happens on either side.
Nobody looks at the update's result: without room there is no entry before and after. The flags are those of an update
that may make an entry. Only hash maps: in LRU maps a look-up decides what is dropped next, and in arrays nothing is
ever missing. For a moment others can see the zeros, as they can see each step of a change in place.

It is done where it makes every handler that comes by shorter: by counting what the stores take and the function.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import cast

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import SILENT_CALLS
from honey.ir.symbols import Symbols
from honey.ir.verify import leaves
from honey.ir.walk import Node, blocks_of, children, map_children, pick, rewrite, uses
from honey.passes.constant_folding import fold
from honey.passes.rewriting import CALLS, as_block, each_function, with_blocks, with_body
from honey.records import dataclass, field, replace

_KINDS = {n.MapKind.HASH, n.MapKind.PERCPU_HASH}
_UPDATES = frozenset((n.MapUpdate,))
_MAKING = (0, 1)  # BPF_ANY, BPF_NOEXIST
_NUMBERS = (t.Int, t.Bool, t.Address)
_WORD = 8
_FUNCTION, _SITE = 18, 4
"""What the function that makes entries takes (ten instructions; entry and exit are worth eight more as machine code),
and the instructions that a call of it saves besides the stores."""


@dataclass(frozen=True, slots=True)
class _Site:
    """A look-up and the two sides after it: how many statements they take, and what comes in their place."""

    length: int
    instead: n.Block


def run(program: n.Program) -> n.Program:
    """``program`` with entries that begin at zero."""
    symbols = Symbols.of(program)
    if not any(one.kind in _KINDS for one in program.maps):
        return program
    new = {one.name: _begun_at_zero(one, symbols) for one in program.functions}
    if all(new[one.name] is one for one in program.functions):
        return program
    saved = _Saved(new, symbols)
    kept = _reached_from(program, {one.name for one in program.handlers if saved.by(one.name) <= _FUNCTION})
    return each_function(program, lambda function: function if function.name in kept else new[function.name])


def _begun_at_zero(function: n.Function, symbols: Symbols) -> n.Function:
    if not any(pick(function.body, _UPDATES)):
        return function
    return with_body(function, _Sites(symbols, function).block(function.body, last=True))


@dataclass(slots=True)
class _Saved:
    """The instructions saved in functions, those that they call included: of two branches the one that saves more."""

    functions: dict[str, n.Function]
    symbols: Symbols
    known: dict[str, int] = field(default_factory=dict)

    def by(self, name: str) -> int:
        """Those saved in a call of a function."""
        if name not in self.known:
            self.known[name] = 0  # no recursion without fuel, but no harm either
            self.known[name] = self._in(self.functions[name].body)
        return self.known[name]

    def _in(self, block: n.Block) -> int:
        saved = 0
        for at, statement in enumerate(block):
            match statement:
                case n.If(_, then, otherwise) if leaves(then) != leaves(otherwise):
                    stays, left = (otherwise, then) if leaves(then) else (then, otherwise)
                    return saved + max(self._in(left), self._in(stays) + self._in(block[at + 1 :]))
                case n.If(_, then, otherwise):
                    saved += max(self._in(then), self._in(otherwise))
                case n.For(body=body) | n.Scope(body=body):
                    saved += self._in(body)
                case _:
                    saved += sum(self._at(node) for node in children(statement))
        return saved

    def _at(self, node: Node) -> int:
        match node:
            case n.NewEntry(_, _, type_):
                return _SITE + -(-type_.target.size // _WORD)
            case n.Call(name):
                return self.by(name)
            case _:
                return 0


def _reached_from(program: n.Program, handlers: set[str]) -> set[str]:
    """These handlers and every function that they call."""
    functions = {one.name: one for one in program.functions}
    found, todo = set(handlers), list(handlers)
    while todo:
        for name in [node.function for node in pick(functions[todo.pop()].body, CALLS)]:
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


@dataclass(slots=True)
class _Sites:
    """Where a function makes entries."""

    symbols: Symbols
    function: n.Function

    def block(self, block: n.Block, *, last: bool) -> n.Block:
        """The block with its entries begun at zero; ``last``: what follows it is the function's end."""
        out: list[n.Stmt] = []
        at = 0
        while at < len(block):
            site = self._site(block[at:], last=last)
            if site is None:
                inner = [self.block(one, last=False) for one in blocks_of(block[at])]
                out.append(with_blocks(block[at], inner))
                at += 1
            else:
                out += site.instead
                at += site.length
        return as_block(out, block)

    def _site(self, rest: n.Block, *, last: bool) -> _Site | None:
        match rest:
            case (n.Let(entry, n.MapLookup() as lookup) as let, *after):
                at = next((at for at, one in enumerate(after) if not _only_computes(one)), len(after))
            case _:
                return None
        branch = after[at] if at < len(after) else None
        if not isinstance(branch, n.If):
            return None
        sides = _Sides.of(branch, entry, tuple(after[at + 1 :]), last=last)
        kind = self.symbols.maps[lookup.map].kind
        if sides is None or kind not in _KINDS or not self._is_all(entry, branch, sides.change):
            return None
        value = _made(sides.missing, lookup)
        if value is None:
            return None
        stored = _fields(value)
        if stored is None or _from_zero(sides.change, entry, self.symbols) != stored:
            return None
        made = n.Assign(n.LocalPlace(entry), n.NewEntry(lookup.map, lookup.key, lookup.type), let.span)
        missed = n.IsNull(n.Read(n.LocalPlace(entry), entry.type))
        there = n.Unary(n.UnaryOp.NOT, missed, t.BOOL)
        make = n.If(missed, (made,), (), let.span)
        instead = (let, make, *after[:at], n.If(there, sides.change, (), branch.span), *sides.end)
        return _Site(len(rest) if sides.to_end else at + 2, instead)

    def _is_all(self, entry: n.Local, branch: n.If, change: n.Block) -> bool:
        """Whether nothing else looks at the entry."""
        here = uses(branch.condition)[entry.id] + uses(change)[entry.id]
        return uses(self.function.body)[entry.id] == here


def _only_computes(statement: n.Stmt) -> bool:
    if not isinstance(statement, n.Let):
        return False
    value = statement.value
    return isinstance(value, n.Expr) or (isinstance(value, n.HelperCall) and value.name in SILENT_CALLS)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is done to an entry that is there, what where it is missing, and the return that both sides end with.

    ``to_end``: one of the sides is all that follows the branch, as the other one leaves.
    """

    change: n.Block
    missing: n.Block
    end: n.Block
    to_end: bool

    @classmethod
    def of(cls, branch: n.If, entry: n.Local, after: n.Block, *, last: bool) -> _Sides | None:
        reading = n.Read(n.LocalPlace(entry), entry.type)
        match branch.condition:
            case n.IsNull(tested) if tested == reading:
                missing, change = branch.then, branch.otherwise
            case n.Unary(n.UnaryOp.NOT, n.IsNull(tested)) if tested == reading:
                change, missing = branch.then, branch.otherwise
            case _:
                return None
        to_end = not missing or not change
        missing, change = missing or after, change or after
        if not missing or not change or (to_end and not leaves(branch.then or branch.otherwise)):
            return None
        (change, one), (missing, other) = _without_return(change), _without_return(missing)
        if one == other:
            return cls(change, missing, one, to_end)
        falls_off = last and to_end and {one, other} == {(), (n.Return(None),)}
        return cls(change, missing, (), to_end) if falls_off else None


def _without_return(block: n.Block) -> tuple[n.Block, tuple[n.Return, ...]]:
    """The block up to the return at its end, and that, wherever it stands in the source."""
    last = block[-1]
    return (block[:-1], (n.Return(last.value),)) if isinstance(last, n.Return) else (block, ())


def _made(missing: n.Block, lookup: n.MapLookup) -> n.Expr | None:
    """The value that ``missing`` stores under the key that was looked up, if it does just that."""
    match missing:
        case (n.Eval(n.MapUpdate() as update),):
            value = update.value
        case (n.Let(first, value), n.Eval(n.MapUpdate(value=n.Read(n.LocalPlace(stored))) as update)):
            if stored != first or not isinstance(value, n.Expr):
                return None
        case _:
            return None
    same = (update.map, update.key) == (lookup.map, lookup.key)
    return value if same and isinstance(update.flags, n.Const) and update.flags.value in _MAKING else None


# ---------------------------------------------------------------- what an entry holds, by field

_Fields = dict[str, n.Expr]
"""Numbers by the path of their field, ``""`` for a value that is a number itself; what is zero is left out."""


def _fields(value: n.Expr) -> _Fields | None:
    """What a stored value holds; ``None`` if it is not made of numbers."""
    items = value.fields if isinstance(value, n.StructValue) else (("", value),)
    if not all(isinstance(inner.type, _NUMBERS) for _, inner in items):
        return None
    return _nonzero({name: _plain(inner) for name, inner in items})


def _from_zero(change: n.Block, entry: n.Local, symbols: Symbols) -> _Fields | None:
    """What is in an entry of zeros after ``change``; ``None`` if that is not all that it does."""
    held: _Fields = {}

    def now(node: Node) -> object:
        path = _path(node.place, entry) if isinstance(node, n.Read) else None
        if path is not None and isinstance(node, n.Read) and not symbols.in_bits(node.place):
            return held.setdefault(path, n.Const(0, node.type))
        return map_children(node, now)

    for statement in change:
        match statement:
            case n.Eval(n.AtomicAdd(place, amount)):
                value: n.Expr = n.Binary(n.BinaryOp.ADD, n.Read(place, place.type), amount, place.type)
            case n.Assign(place, stored) if isinstance(stored, n.Expr):
                value = stored
            case _:
                return None
        path = _path(place, entry)
        value = cast(n.Expr, now(value))
        if path is None or not isinstance(place.type, _NUMBERS) or uses(value)[entry.id]:
            return None
        held[path] = _plain(value)
    return _nonzero(held) if _apart(held, entry, symbols) else None


def _apart(paths: Iterable[str], entry: n.Local, symbols: Symbols) -> bool:
    """Whether the entry's fields share no memory."""
    return isinstance(entry.type, t.Ref) and not any(
        symbols.meet(entry.type.target, one, other) for one, other in combinations(paths, 2)
    )


def _path(place: n.Place, entry: n.Local) -> str | None:
    """The path of a field of the entry, ``""`` for the whole of it; ``None`` for any other place."""
    names: list[str] = []
    while isinstance(place, n.FieldPlace):
        names.insert(0, place.field)
        place = place.base
    match place:
        case n.DerefPlace(n.NonNull(n.Read(n.LocalPlace(local)))) if local == entry:
            return ".".join(names)
        case _:
            return None


def _plain(value: n.Expr) -> n.Expr:
    """The number, computed as far as it can be; a constant without its name."""
    value = rewrite(value, fold)
    return replace(value, name="") if isinstance(value, n.Const) else value


def _nonzero(fields: _Fields) -> _Fields:
    return {path: value for path, value in fields.items() if not (isinstance(value, n.Const) and value.value == 0)}
