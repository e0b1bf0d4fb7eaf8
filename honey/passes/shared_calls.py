# SPDX-License-Identifier: Apache-2.0
"""Asks once what would be asked again for the same answer.

| again, where the first asking has already happened | becomes the first answer, because |
|---|---|
| ``bpf_get_current_pid_tgid()`` and its like | it is the same for as long as a program runs |
| an own function that only computes with such answers | so is its result |
| ``lookup(map, key)`` | nothing has added, replaced or removed entries of the map, or written the key |
| ``bpf_ktime_get_ns()`` whose value is only stored | two readings may always be equal |

Proof obligation: the first answer is visible where the second is wanted (same or outer block, every path through it),
and the memory that it depends on has not been written. An entry that another CPU removes between two look-ups may be
found by both here; the two could have happened before the removal. Of clocks only time stamps are shared (see
`honey.passes.clocks`): where a difference is taken, time must pass.
"""

from __future__ import annotations

from typing import Any, TypeVar

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import CLOCKS, CONSTANT_CALLS, Footprint, Writes, escaped_locals, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, pick, rewrite, walk
from honey.passes.clocks import is_stamp
from honey.passes.rewriting import LETS, as_block, each_function, effect_of, with_blocks, with_body
from honey.records import dataclass, field, replace

N = TypeVar("N", bound=Node)

_LARGEST = 32
"""The nodes of a value that is remembered: one that doubles with each step would soon take all memory."""

_SHAREABLE = (n.HelperCall, n.MapLookup, n.Call)
_TWO = 2
_LRU = {n.MapKind.LRU_HASH, n.MapKind.LRU_PERCPU_HASH}


def run(program: n.Program) -> n.Program:
    """``program`` with answers shared."""
    symbols = Symbols.of(program)
    writes = Writes(symbols)

    def rule(function: n.Function) -> n.Function:
        if sum(isinstance(let.value, _SHAREABLE) for let in pick(function.body, LETS)) < _TWO:
            return function
        share = Share(function, symbols, writes, escaped_locals(function), locals_written(function.body))
        return with_body(function, share.block(function.body, ()))

    return each_function(program, rule)


@dataclass(frozen=True, slots=True)
class Answer:
    """An effect that has happened, the local with its answer, and the memory that it depends on."""

    effect: n.Effect
    local: n.Local
    reads: Footprint


Answers = tuple[Answer, ...]


@dataclass(slots=True)
class Share:
    """The walk through one function; ``at_calls`` has what has been answered when each own function is called."""

    function: n.Function
    symbols: Symbols
    writes: Writes
    escaped: frozenset[int]
    changing: frozenset[int]
    at_calls: dict[int, Answers] = field(default_factory=dict)
    values: dict[n.Local, n.Expr] = field(default_factory=dict)
    """What locals that never change were computed from, other such locals and constants."""

    def block(self, block: n.Block, known: Answers) -> n.Block:
        """The block with what has been answered before, ``known`` on entry, not asked again."""
        out: list[n.Stmt] = []
        for statement in block:
            effect = effect_of(statement)
            if isinstance(effect, n.Call):
                self.at_calls[id(effect)] = known
            new = self._statement(statement, known)
            out.append(new)
            known = self._surviving(known, new)
            if isinstance(new, n.Let) and isinstance(new.value, n.Expr):
                self._note(new.local, new.value)
            elif isinstance(new, n.Let) and self._is_shareable(new):
                assert isinstance(new.value, n.Effect)
                effect = self._resolved(new.value)
                known = (*known, Answer(effect, new.local, reads(effect)))
        return as_block(out, block)

    def _statement(self, statement: n.Stmt, known: Answers) -> n.Stmt:
        match statement:
            case n.If(_, then, otherwise):
                return with_blocks(statement, [self.block(then, known), self.block(otherwise, known)])
            case n.For(body=body):
                return with_blocks(statement, [self.block(body, self._surviving(known, statement))])
            case n.Let(local, value) if self._is_shareable(statement):
                assert isinstance(value, n.Effect)
                effect = self._resolved(value)
                first = next((one for one in known if one.effect == effect and one.local.type == local.type), None)
                return statement if first is None else replace(statement, value=_reading(first.local))
            case _:
                return statement

    def _note(self, local: n.Local, value: n.Expr) -> None:
        """Remember what a local was computed from, if it will always be that."""
        value = self._resolved(value)
        if sum(1 for _ in walk(value)) > _LARGEST:
            return
        found = reads(value)
        if local.id not in self.changing and not found.spaces and not found.locals & self.changing:
            self.values[local] = value

    def _resolved(self, node: N) -> N:
        """The question as it is whatever its key was called on the way."""
        if not self.values:
            return node

        def rule(inner: Any) -> Any:
            match inner:
                case n.Read(n.LocalPlace(local)) if local in self.values:
                    return self.values[local]
                case _:
                    return inner

        return rewrite(node, rule)

    def _is_shareable(self, statement: n.Let) -> bool:
        if statement.local.id in self.changing:
            return False
        match statement.value:
            case n.HelperCall(name, ()):
                stamp = name in CLOCKS and is_stamp(self.function, statement.local, self.symbols)
                return name in CONSTANT_CALLS or stamp
            case n.MapLookup(name):
                return self.symbols.maps[name].kind not in _LRU
            case n.Call(name):
                return is_constant(self.symbols.functions[name], self.symbols)
            case _:
                return False

    def _surviving(self, known: Answers, statement: n.Stmt) -> Answers:
        if not known:
            return known
        written, maps = self.writes.of(statement), self.writes.maps_changed(statement)
        return tuple(
            one
            for one in known
            if not one.reads.meets(written, self.escaped)
            and not (isinstance(one.effect, n.MapLookup) and one.effect.map in maps)
        )


def is_constant(function: n.Function, symbols: Symbols) -> bool:
    """Whether a function gives the same for the same arguments for as long as a program runs, and does nothing else."""
    if function.may_raise or any(isinstance(param.type, t.Ref) for param in function.params):
        return False
    for node in walk(function.body):
        match node:
            case n.HelperCall(name, args):
                if name not in CONSTANT_CALLS or args:
                    return False
            case n.Call(name):
                if not is_constant(symbols.functions[name], symbols):
                    return False
            case n.DerefPlace() | n.AddressOf():
                return False
            case _ if isinstance(node, n.Effect):
                return False
            case _:
                pass
    return True


def _reading(local: n.Local) -> n.Read:
    return n.Read(n.LocalPlace(local), local.type)
