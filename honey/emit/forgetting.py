# SPDX-License-Identifier: Apache-2.0
"""Which numbers, flags among them, the verifier is made to forget at each turn of a loop.

The verifier follows a loop turn by turn, and each turn once for every state that it may begin in. If a turn compares a
number from outside with the turn's own, or changes it on one of its paths, the next turn begins with another exact
value on each path, and as soon as such a value decides a comparison, no two of these states are the same: the turns of
a loop over 64 were followed thousands of times, until the verifier's budget of a million instructions was spent. Where
every turn begins with a number that may be anything, it is followed once.

Adding ``r10 - r10``, calculated once before the loop, does that: the verifier takes the difference of two pointers for
an unknown number. What it must know behind the loop or before it, for an address or a size, is copied at each turn, and
the copy forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.emit.alternatives import Alternatives, changes, is_chosen
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.symbols import Symbols
from honey.ir.verify import leaves
from honey.ir.walk import Node, declarations, own_nodes, root_place, walk
from honey.records import dataclass

_FEW = 32_768
"""Nodes that may be followed without: those of a turn, times all turns, times all values that turns may begin with."""

_MANY = 1_000_000
"""From so many nodes on all numbers count. What is known of most of them settles after few turns, but the verifier does
not remember all states of a long loop."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What each turn forgets: numbers, copies of numbers, and what is read of fields, in the order of their use."""

    numbers: tuple[n.Local, ...] = ()
    copies: tuple[n.Local, ...] = ()
    reads: tuple[n.Read, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to forget."""
        return not (self.numbers or self.copies or self.reads)


def forgotten(loop: n.For, function: n.Function, symbols: Symbols) -> Forgotten:
    """The numbers from outside ``loop`` that its turns depend on.

    None where the loop is short, none that have no value yet, and none that the verifier must know in the loop, because
    addresses or sizes are made of them.
    """
    alternatives = Alternatives(symbols)
    alternatives.block(loop.body)
    turns = len(range(loop.start, loop.stop, loop.step))
    nodes = turns * turns * sum(1 for _ in walk(loop.body))
    if nodes <= _FEW and (_ways(loop, turns) * nodes <= _FEW or not changes(loop, alternatives)):
        return Forgotten()
    found = _depended_on(loop, alternatives, everything=nodes > _MANY)
    own = {loop.local.id, *(local.id for local in declarations(loop.body))}
    known = _bounded(function.body, symbols)
    fixed = own | _without_value(function) | (known & {place.local.id for place in _assigned(loop.body)})
    known_inside = _bounded(loop.body, symbols)
    numbers = [
        read.place.local
        for read in found
        if isinstance(read.place, n.LocalPlace) and read.place.local.id not in fixed | known_inside
    ]
    return Forgotten(
        tuple(local for local in numbers if local.id not in known),
        tuple(local for local in numbers if local.id in known),
        tuple(read for read in found if _is_field(read.place) and known_inside.isdisjoint(_locals(read))),
    )


def _is_field(place: n.Place) -> bool:
    """Whether a place is a part of something that clang may keep in a register from turn to turn."""
    return isinstance(place, n.FieldPlace) and not in_context(place)


def _depended_on(loop: n.For, alternatives: Alternatives, *, everything: bool) -> list[n.Read]:
    """What is read of the numbers that decide what the next turn begins with, or are made into those; or of all."""
    made_of = {
        node.local.id: node.value
        for node in walk(loop.body)
        if isinstance(node, n.Let) and isinstance(node.value, n.Expr)
    }
    found: dict[n.Place, n.Read] = {}
    waiting = [*_deciding(loop.body, alternatives, branched=False), *(walk(loop.body) if everything else ())]
    while waiting:
        for node in walk(waiting.pop(0)):
            place = node.place if isinstance(node, n.Read) else node
            if not isinstance(place, n.LocalPlace | n.FieldPlace) or place in found:
                continue
            if isinstance(place.type, t.Int | t.Bool):
                found[place] = n.Read(place, place.type)
                if isinstance(place, n.LocalPlace) and place.local.id in made_of:
                    waiting.append(made_of[place.local.id])
    return [*found.values()]


def _ways(loop: n.For, turns: int) -> int:
    """Through all turns, if each may go either way at each of its branches."""
    branches = sum(isinstance(node, n.If | n.Select | n.IsNull | n.Call) for node in walk(loop.body))
    return int(2 ** min(branches * turns, 64))


def _deciding(block: n.Block, alternatives: Alternatives, *, branched: bool) -> Iterator[Node]:
    """What decides what the next turn begins with.

    That are comparisons, if the next turn may follow on either outcome (what the verifier learns of two numbers that it
    compares is a little more in each turn), what is handed to functions that may compare it, and the places that are
    written in some turns only.
    """
    for statement in block:
        for node in own_nodes(statement):
            if isinstance(node, n.Call) and _compares(alternatives.symbols.functions[node.function].body):
                yield node
            if _is_comparison(node) and not _one_outcome(statement):
                yield node
        match statement:
            case n.Assign(place, value) if branched or is_chosen(value, alternatives):
                yield place
            case n.If(_, then, otherwise):
                yield from _deciding(then, alternatives, branched=True)
                yield from _deciding(otherwise, alternatives, branched=True)
            case n.For(_, _, _, _, body) | n.Scope(body):
                yield from _deciding(body, alternatives, branched=branched)
            case _:
                pass


def _assigned(block: n.Block) -> Iterator[n.LocalPlace]:
    for node in walk(block):
        if isinstance(node, n.Assign) and isinstance(node.place, n.LocalPlace):
            yield node.place


def _compares(block: n.Block) -> bool:
    return any(_is_comparison(node) for node in walk(block))


def _is_comparison(node: Node) -> bool:
    """Whether a node compares two numbers that are not known now."""
    return isinstance(node, n.Binary) and node.op.compares and not isinstance(node.right, n.Const)


def _one_outcome(statement: n.Stmt) -> bool:
    """Whether a branch leaves the loop on one side."""
    return isinstance(statement, n.If) and (leaves(statement.then) or leaves(statement.otherwise))


def _without_value(function: n.Function) -> set[int]:
    return {node.local.id for node in walk(function.body) if isinstance(node, n.Let) and node.value is None}


def _bounded(block: n.Block, symbols: Symbols) -> set[int]:
    """The locals that addresses or sizes are made of, by way of other locals and of functions, too."""
    found: set[int] = set()
    sources: dict[int, set[int]] = {}
    for node in walk(block):
        match node:
            case n.IndexPlace(_, index):
                found |= _locals(index)
            case n.PacketAt(_, offset):
                found |= _locals(offset)
            case n.HelperCall(_, args):
                for arg in args:
                    found |= _locals(arg) if isinstance(arg, n.Expr) and isinstance(arg.type, t.Int) else set()
            case n.Let(local, value) if value is not None:
                sources.setdefault(local.id, set()).update(_locals(value))
            case n.Assign(place, value):
                root = root_place(place)
                if isinstance(root, n.LocalPlace):
                    sources.setdefault(root.local.id, set()).update(_locals(value))
            case n.Call(name, args):
                called = symbols.functions[name]
                inside = _bounded(called.body, symbols)
                for param, arg in zip(called.params, args, strict=True):
                    found |= _locals(arg) if param.id in inside else set()
            case _:
                pass
    waiting = list(found)
    while waiting:
        more = sources.get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return found


def _locals(root: Node) -> set[int]:
    return {node.local.id for node in walk(root) if isinstance(node, n.LocalPlace)}
