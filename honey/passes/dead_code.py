# SPDX-License-Identifier: Apache-2.0
"""Removes what nobody sees.

| what | becomes |
|---|---|
| a local that is never read, computed without an effect | nothing |
| an effect whose result is not read | the effect alone; nothing, if it only looks |
| a store into a local that is never read | nothing |
| a branch with two empty sides | nothing |
| statements behind the point where the block is left | nothing |

Proof obligation: what is removed writes no memory that is read later, prints nothing and cannot leave the function.
Looking (a look-up, a read that may fail, a clock) changes nothing that a program or its maps can show: an LRU map's
order of use is the exception, so look-ups in those stay.
"""

from __future__ import annotations

from collections import Counter

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import SILENT_CALLS
from honey.ir.symbols import Symbols
from honey.ir.verify import leaves
from honey.ir.walk import map_blocks, pick, root_place, uses
from honey.passes.constant_folding import fold
from honey.passes.rewriting import as_block, each_function, with_body
from honey.records import dataclass

_STORING = frozenset((n.Assign, n.ProbeRead))
_LRU = {n.MapKind.LRU_HASH, n.MapKind.LRU_PERCPU_HASH}


def run(program: n.Program) -> n.Program:
    """``program`` without dead code."""
    symbols = Symbols.of(program)
    return each_function(program, lambda function: with_body(function, _clean(function.body, symbols)))


def _clean(body: n.Block, symbols: Symbols) -> n.Block:
    while True:
        cleaner = _Cleaner(_reads(body), symbols)
        cleaned = map_blocks(body, cleaner.block)
        if cleaned is body:
            return body
        body = cleaned


def _reads(body: n.Block) -> Counter[int]:
    """How often each local is read; standing as the target of a store or of a read from elsewhere does not count."""
    count = uses(body)
    for node in pick(body, _STORING):
        target = root_place(node.place if isinstance(node, n.Assign) else node.target)
        if isinstance(target, n.LocalPlace):
            count[target.local.id] -= 1
    return count


@dataclass(slots=True)
class _Cleaner:
    reads: Counter[int]
    symbols: Symbols

    def block(self, block: n.Block) -> n.Block:
        """The block without what is dead in it; inner blocks are clean already."""
        out: list[n.Stmt] = []
        for statement in block:
            kept = self._statement(statement)
            if kept is not None:
                out.append(kept)
            if leaves((statement,)):
                break
        return as_block(out, block)

    def _statement(self, statement: n.Stmt) -> n.Stmt | None:
        match statement:
            case n.Let(local, None) if not self._occurs(local):
                return None
            case n.Let(_, n.RingReserve()):
                return statement  # it is by its name that an exception gives the record back
            case n.Let(local, value, span) if value is not None and not self._occurs(local):
                return n.Eval(value, span) if isinstance(value, n.Effect) and not self._looks(value) else None
            case n.Assign(place, value, span) if self._is_unread(place):
                return n.Eval(value, span) if isinstance(value, n.Effect) and not self._looks(value) else None
            case n.Eval(effect) if self._looks(effect):
                return None
            case n.If(_, (), ()):
                return None
            case n.If(condition, (), otherwise, span):
                return n.If(_opposite(condition), otherwise, (), span)
            case n.For(body=()):
                return None
            case _:
                return statement

    def _occurs(self, local: n.Local) -> bool:
        """Whether the local stands anywhere, if only as a target: those have an entry, with a count of 0."""
        return local.id in self.reads

    def _is_unread(self, place: n.Place) -> bool:
        target = root_place(place)
        return isinstance(target, n.LocalPlace) and self.reads[target.local.id] <= 0

    def _looks(self, effect: n.Effect) -> bool:
        """Whether the effect shows nowhere if its result is not read."""
        match effect:
            case n.MapLookup(name):
                return self.symbols.maps[name].kind not in _LRU
            case n.CoreRead() | n.PacketAt():
                return True
            case n.HelperCall(name):
                return name in SILENT_CALLS
            case n.ProbeRead(_, target):
                return self._is_unread(target)
            case _:
                return False


def _opposite(condition: n.Expr) -> n.Expr:
    folded = fold(n.Unary(n.UnaryOp.NOT, condition, t.BOOL))
    assert isinstance(folded, n.Expr)
    return folded
