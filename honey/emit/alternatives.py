# SPDX-License-Identifier: Apache-2.0
"""How many values the verifier may know a number to have at one point, by the way that led there.

It follows each way through a branch with what it knows there. Where two ways set a number to two values that it knows,
all that follows is followed for both; a value that it does not know covers the others. Two are as good as many here.

clang, too, knows something of numbers by how they are made: from their size in memory, a mask, a remainder. Where a
number is chosen from two, one of them a constant that the other cannot be, to compare it with one in between is to ask
again which of them was chosen (``lie_apart``).
"""

from __future__ import annotations

from collections.abc import Sequence

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, blocks_of, declarations, own_nodes, pick, root_place, walk
from honey.ir.widths import bits_of, of_type
from honey.records import dataclass, field

MANY = 2

_ADDRESSES = frozenset((n.AddressOf,))
_PLACES = frozenset((n.LocalPlace,))
_RETURNS = frozenset((n.Return,))


@dataclass(slots=True)
class Alternatives:
    """The known values of numbers in one block, which is looked through from its first statement on."""

    symbols: Symbols
    locals: dict[int, int] = field(default_factory=dict)
    """Of locals that are declared in the block, by id; all others have one value, whatever it is."""
    _results: dict[str, int] = field(default_factory=dict)

    def block(self, block: n.Block) -> None:
        """Learn what the statements of a block set its own locals to."""
        for statement in block:
            match statement:
                case n.Let(local, value):
                    self.locals[local.id] = 0 if value is None else self.of(value)
                case n.Assign(place, value):
                    root = root_place(place)
                    if isinstance(root, n.LocalPlace) and root.local.id in self.locals:
                        self.locals[root.local.id] = min(MANY, self.locals[root.local.id] + self.of(value))
                case _:
                    pass
            self._filled(statement)
            for inner in blocks_of(statement):
                self.block(inner)

    def _filled(self, statement: n.Stmt) -> None:
        """What a function writes to a local of its caller may be anything that it knows."""
        for node in own_nodes(statement):
            if isinstance(node, n.Call):
                for address in pick(node.args, _ADDRESSES):
                    for place in pick(address, _PLACES):
                        if place.local.id in self.locals:
                            self.locals[place.local.id] = MANY

    def of(self, value: Node) -> int:
        """How many known values an expression or an effect may have: 0 (none is known), 1, or `MANY`."""
        match value:
            case n.Const() | n.Bytes():
                return 1
            case n.Read(place):
                root = root_place(place)
                return self.locals.get(root.local.id, 1) if isinstance(root, n.LocalPlace) else 0
            case n.IsNull() | n.Unary(n.UnaryOp.NOT):
                return MANY
            case n.Binary(op, left, right):
                return MANY if op.compares or op.logical else min(MANY, self.of(left) * self.of(right))
            case n.Select(_, then, otherwise):
                return min(MANY, self.of(then) + self.of(otherwise))
            case n.Unary(_, operand) | n.Cast(operand) | n.ByteSwap(_, operand):
                return self.of(operand)
            case n.StructValue(fields):
                return max((self.of(each) for _, each in fields), default=1)
            case n.Call(name):
                return self._result(name)
            case _:
                return 0

    def _result(self, name: str) -> int:
        """Of what a function gives; one that writes its result to where its caller wants it may give anything."""
        if name not in self._results:
            function = self.symbols.functions[name]
            inside = Alternatives(self.symbols, {}, self._results)
            inside.block(function.body)
            ends = [end.value for end in pick(function.body, _RETURNS) if end.value is not None]
            known = sum(map(inside.of, ends))
            self._results[name] = min(MANY, known) if isinstance(function.result, t.Int | t.Bool) else 0
        return self._results[name]


def changes(loop: n.For, alternatives: Alternatives, apart_from: Sequence[n.Local] = ()) -> bool:
    """Whether a variable from outside ``loop`` becomes one of several known values in a turn; some do not count."""
    own = {loop.local.id, *(local.id for local in declarations(loop.body)), *(local.id for local in apart_from)}
    return _changes(loop.body, own, alternatives, branched=False)


def is_chosen(value: Node, alternatives: Alternatives) -> bool:
    """Whether a value may be one of several that are known."""
    chosen = (isinstance(node, n.Select) or (isinstance(node, n.Binary) and node.op.logical) for node in walk(value))
    return any(chosen) or alternatives.of(value) >= MANY


def _changes(block: n.Block, own: set[int], alternatives: Alternatives, *, branched: bool) -> bool:
    for statement in block:
        match statement:
            case n.Assign(place, value):
                root = root_place(place)
                outside = isinstance(root, n.LocalPlace) and root.local.id not in own
                if outside and (branched or is_chosen(value, alternatives)):
                    return True
            case n.If(_, then, otherwise):
                if any(_changes(side, own, alternatives, branched=True) for side in (then, otherwise)):
                    return True
            case n.Scope(body):
                if _changes(body, own, alternatives, branched=branched):
                    return True
            case _:
                pass
    return False


def lie_apart(first: n.Expr | n.Effect, second: n.Expr | n.Effect) -> bool:
    """Whether one of two numbers is a constant that the other cannot be."""
    return _is_outside(first, second) or _is_outside(second, first)


def _is_outside(constant: n.Expr | n.Effect, other: n.Expr | n.Effect) -> bool:
    if not isinstance(constant, n.Const):
        return False
    while isinstance(other, n.Cast) and isinstance(other.type, t.Int) and other.type.size > other.operand.type.size:
        other = other.operand
    bits = bits_of(other, {}) if isinstance(other, n.Expr) else of_type(other.type)
    if bits is not None:
        return constant.value < 0 or constant.value.bit_length() > bits
    signed = isinstance(other.type, t.Int) and other.type.signed
    return signed and not -(1 << other.type.size * 8 - 1) <= constant.value < 1 << other.type.size * 8 - 1
