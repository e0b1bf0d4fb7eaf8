# SPDX-License-Identifier: Apache-2.0
"""Reads a struct once where first its beginning and then the whole of it was read.

    family: u16                                     peer: sockaddr_in
    first = read(&family, 2, addr)                  second = read(&peer, 16, addr)
    if first == 0 && family == AF_INET        →     if second == 0 && peer.sin_family == AF_INET
      peer: sockaddr_in                               ...
      second = read(&peer, 16, addr)
      if second == 0
        ...

Proof obligation. Both reads are of the same kind, from the same address, and the first is no longer than the second.
Nothing but the second read's success is done in the branch, so that three outcomes lead past it: a first read that
fails, a beginning that is not as wanted, a second read that fails. If the whole can be read, so can its beginning, and
both forms take the same path with the same bytes; if it cannot, both lead past the branch: the test implies
``second == 0``. A process that changes its memory between two reads could have changed it before both. What the first
read stored is seen by the test alone.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import map_blocks, rewrite, uses
from honey.passes.rewriting import each_function, with_body
from honey.records import dataclass


def run(program: n.Program) -> n.Program:
    """``program`` with reads merged."""
    symbols = Symbols.of(program)

    def rule(function: n.Function) -> n.Function:
        merge = _Merge(function, symbols)
        return with_body(function, map_blocks(function.body, merge.block))

    return each_function(program, rule)


@dataclass(frozen=True, slots=True)
class _Read:
    """A read into a local and where its result is: statements ``at`` and the two before it as far as they belong."""

    target: n.Local
    result: n.Local
    effect: n.ProbeRead
    let: n.Let


@dataclass(slots=True)
class _Merge:
    function: n.Function
    symbols: Symbols

    def block(self, block: n.Block) -> n.Block:
        """The block with each such pair of reads merged."""
        for at in range(len(block) - 1):
            first, branch = _as_read(block[at]), block[at + 1]
            if first is None or not isinstance(branch, n.If) or branch.otherwise:
                continue
            merged = self._merged(first, branch)
            if merged is not None:
                return self.block((*block[:at], *merged, *block[at + 2 :]))
        return block

    def _merged(self, first: _Read, branch: n.If) -> tuple[n.Stmt, ...] | None:
        found = _second_read(branch.then)
        if found is None:
            return None
        before, second, inner = found
        if not self._mergeable(first, second, branch):
            return None
        beginning = self._beginning(second.target, first.target.type)
        if beginning is None or not _implies(branch.condition, first.result):
            return None

        def rule(node: object) -> object:
            if node == n.LocalPlace(first.target):
                return beginning
            if node == n.LocalPlace(first.result):
                return n.LocalPlace(second.result)
            return node

        condition = rewrite(branch.condition, rule)
        declaration = next((one for one in before if isinstance(one, n.Let) and one.local == second.target), None)
        rest = tuple(one for one in before if one is not declaration)
        then = (*rest, *inner)
        merged: list[n.Stmt] = [declaration] if declaration is not None else []
        return (*merged, second.let, n.If(condition, then, (), branch.span))

    def _mergeable(self, first: _Read, second: _Read, branch: n.If) -> bool:
        one, other = first.effect, second.effect
        if one.kind is not other.kind or one.source != other.source or one.size > other.size:
            return False
        if one.kind not in (n.ReadKind.USER, n.ReadKind.KERNEL) or other.size != second.target.type.size:
            return False
        total, seen = uses(self.function.body), uses(branch.condition)
        targets = total[first.target.id] == seen[first.target.id] + 1
        return targets and total[first.result.id] == seen[first.result.id]

    def _beginning(self, struct: n.Local, type_: t.Type) -> n.Place | None:
        """The place at the start of ``struct`` that has ``type_``."""
        place: n.Place = n.LocalPlace(struct)
        while isinstance(place.type, t.Struct):
            definition = self.symbols.structs.get(place.type.name)
            field = next((one for one in definition.fields if one.offset == 0), None) if definition else None
            if field is None or field.bit_size or (definition is not None and definition.spelling.startswith("union")):
                return None
            place = n.FieldPlace(place, field.name, field.type)
            if field.type == type_:
                return place
        return None


def _as_read(statement: n.Stmt) -> _Read | None:
    match statement:
        case n.Let(result, n.ProbeRead(_, n.LocalPlace(target)) as effect):
            return _Read(target, result, effect, statement)
        case _:
            return None


def _second_read(block: n.Block) -> tuple[tuple[n.Stmt, ...], _Read, n.Block] | None:
    """The statements before the read in a branch, the read, and what is done if it succeeds, which is all else."""
    for at, statement in enumerate(block):
        read = _as_read(statement)
        if read is None:
            if not (isinstance(statement, n.Let) and (statement.value is None or isinstance(statement.value, n.Expr))):
                return None
            continue
        if at + 2 != len(block):
            return None
        match block[at + 1]:
            case n.If(n.Binary(n.BinaryOp.EQ, n.Read(n.LocalPlace(result)), n.Const(0)), then, ()) if (
                result == read.result
            ):
                return block[:at], read, then
        return None
    return None


def _implies(condition: n.Expr, result: n.Local) -> bool:
    """Whether ``condition`` can only hold where ``result`` is 0."""
    match condition:
        case n.Binary(n.BinaryOp.LAND, left, right):
            return _implies(left, result) or _implies(right, result)
        case n.Binary(n.BinaryOp.EQ, n.Read(n.LocalPlace(local)), n.Const(0)):
            return local == result
        case _:
            return False
