# SPDX-License-Identifier: Apache-2.0
"""Tests once that a packet holds all the headers that a search in it cannot do without.

    def udp_header(ctx)                             def udp_header(ctx)
      eth = packet(ctx, 0, ethhdr)                    eth = packet(ctx, 0, ethhdr, of 34 bytes)
      if is_null(eth), return null                    if is_null(eth), return null
      if eth.proto == IP                        →     if eth.proto == IP
        ip = packet(ctx, 14, iphdr)                     ip = packet(ctx, 14, iphdr)
        if is_null(ip), return null                     ...
        ...

The second test asks what the first has answered, and clang leaves it out.

Proof obligation. The function finds a place in the packet or gives null, and has no effect: nothing shows how far it
came. Each path to a result that is not null has passed tests of the packet's length, and the least that any of them
needs is a length below which the function gives null whatever the packet holds. It may give null at once then: the
first thing that it does is a test of the length, and it returns null where that fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.verify import leaves
from honey.ir.walk import pick, walk
from honey.passes.constant_folding import fold
from honey.passes.rewriting import each_function
from honey.records import dataclass, field, replace

_FARTHEST = 0xFFFF
_PACKETS = frozenset((n.PacketAt,))
_SEARCHING = (n.PacketAt, n.Let, n.If, n.Return)
Values = dict[int, int]
"""What locals are known to hold."""


def run(program: n.Program) -> n.Program:
    """``program`` with whole headers tested at once."""
    if not any(any(pick(function.body, _PACKETS)) for function in program.functions):
        return program
    search = _Search(Symbols.of(program))
    return each_function(program, lambda function: _tested(function, search))


def _tested(function: n.Function, search: _Search) -> n.Function:
    match function.body:
        case (
            n.Let(local, n.PacketAt(_, n.Const(offset), type_) as first) as let,
            n.If(n.IsNull(n.Read(n.LocalPlace(tested))), (n.Return(n.Const(0)),)),
            *_,
        ) if local == tested and search.is_one(function):
            least = search.least(function, {})
            if type_.target.size + offset < least <= _FARTHEST:
                start = replace(let, value=replace(first, length=int(least) - offset))
                return replace(function, body=(start, *function.body[1:]))
        case _:
            pass
    return function


@dataclass(slots=True)
class _Search:
    """Functions that find a place in the packet, and what they cannot do without."""

    symbols: Symbols
    known: dict[str, bool] = field(default_factory=dict)
    found: dict[tuple[str, frozenset[tuple[int, int]]], float] = field(default_factory=dict)

    def is_one(self, function: n.Function) -> bool:
        """Whether a function gives packet bytes or null, and does nothing else."""
        if function.name not in self.known:
            self.known[function.name] = False
            self.known[function.name] = self._is_one(function)
        return self.known[function.name]

    def _is_one(self, function: n.Function) -> bool:
        if not isinstance(function.result, t.Ref) or function.result.space is not t.Space.PACKET or function.may_raise:
            return False
        for node in walk(function.body):
            if isinstance(node, n.Call):
                if not self.is_one(self.symbols.functions[node.function]):
                    return False
            elif isinstance(node, n.Stmt | n.Effect) and not isinstance(node, _SEARCHING):
                return False
        return not locals_written(function.body)

    def least(self, function: n.Function, values: Values) -> float:
        """The fewest bytes of a packet with which the function does not give null; `inf` if there are none.

        ``values`` are parameters that are known.
        """
        asked = function.name, frozenset(values.items())
        if asked not in self.found:
            self.found[asked] = _Paths(self, dict(values)).block(function.body, 0)
        return self.found[asked]

    def of_call(self, call: n.Call, values: Values) -> float:
        """The same for a call."""
        function = self.symbols.functions[call.function]
        given = {
            param.id: value
            for param, arg in zip(function.params, call.args, strict=True)
            if (value := constant(arg, values)) is not None
        }
        return self.least(function, given)


@dataclass(slots=True)
class _Paths:
    """The walk through one function: what each local that leads into the packet needs in order not to be null."""

    search: _Search
    values: Values
    needs: dict[n.Local, float] = field(default_factory=dict)

    def block(self, block: n.Block, have: float) -> float:
        """The least length with which a path through ``block`` gives a result; ``have`` bytes are there for sure."""
        least = inf
        for statement in block:
            match statement:
                case n.Let(local, value):
                    self._note(local, value)
                case n.Return(value):
                    return min(least, max(have, self._needed(value)))
                case n.If(condition, then, otherwise):
                    least = min(least, self.block(then, max(have, self._shown(condition, truth=True))))
                    least = min(least, self.block(otherwise, max(have, self._shown(condition, truth=False))))
                    if leaves(then) and leaves(otherwise):
                        return least
                    if leaves(then) or leaves(otherwise):
                        have = max(have, self._shown(condition, truth=leaves(otherwise)))
                case _:
                    raise AssertionError(f"{type(statement).__name__} in a search")
        return least

    def _note(self, local: n.Local, value: n.Expr | n.Effect | None) -> None:
        match value:
            case n.PacketAt(_, offset, type_):
                self.needs[local] = (constant(offset, self.values) or 0) + type_.target.size
            case n.Call():
                self.needs[local] = self.search.of_call(value, self.values)
            case _ if isinstance(value, n.Expr):
                known = constant(value, self.values)
                if known is not None:
                    self.values[local.id] = known
            case _:
                pass

    def _needed(self, value: n.Expr | None) -> float:
        """The bytes that a result needs in order not to be null."""
        while isinstance(value, n.NonNull | n.Cast):
            value = value.operand
        match value:
            case n.Const(0):
                return inf
            case n.Read(n.LocalPlace(local)):
                return self.needs.get(local, 0)
            case _:
                return 0

    def _shown(self, condition: n.Expr, *, truth: bool) -> float:
        """The bytes that are there for sure where ``condition`` is ``truth``."""
        match condition:
            case n.IsNull(n.Read(n.LocalPlace(local))) if not truth:
                return self.needs.get(local, 0)
            case n.Unary(n.UnaryOp.NOT, operand):
                return self._shown(operand, truth=not truth)
            case n.Binary(n.BinaryOp.LAND, left, right) if truth:
                return max(self._shown(left, truth=True), self._shown(right, truth=True))
            case n.Binary(n.BinaryOp.LOR, left, right) if not truth:
                return max(self._shown(left, truth=False), self._shown(right, truth=False))
            case _:
                return 0


def constant(expr: n.Expr, values: Mapping[int, int]) -> int | None:
    """The number that ``expr`` is where some locals are known."""
    match expr:
        case n.Const(value):
            return value
        case n.Read(n.LocalPlace(local)):
            return values.get(local.id)
        case n.Cast(operand, type_):
            inner = constant(operand, values)
            return None if inner is None else _folded(n.Cast(n.Const(inner, operand.type), type_))
        case n.Binary(op, left, right, type_):
            sides = constant(left, values), constant(right, values)
            if sides[0] is None or sides[1] is None:
                return None
            return _folded(n.Binary(op, n.Const(sides[0], left.type), n.Const(sides[1], right.type), type_))
        case _:
            return None


def _folded(expr: n.Expr) -> int | None:
    folded = fold(expr)
    return folded.value if isinstance(folded, n.Const) else None
