# SPDX-License-Identifier: Apache-2.0
"""Asks what never changes when the answer is wanted.

    pid = bpf_get_current_pid_tgid() >> 32      if ctx.length < 64
    if ctx.length < 64                            return 0
      return 0                            →     pid = bpf_get_current_pid_tgid() >> 32
    count(pid)                                  count(pid)

Paths that leave before do not ask at all, and the answer need not be kept over the calls in between. A test of two
parts, of which the second wants the answer, becomes two tests.

Proof obligation: the helper gives one answer for as long as a program runs, and does nothing else (`CONSTANT_CALLS`);
what is computed from its answer reads nothing that changes. It is asked at most once on every path, as before: where
its answer is wanted in a loop, it is asked before.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import CONSTANT_CALLS, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import blocks_of, map_blocks, next_local_id, uses
from honey.passes.rewriting import each_function, with_blocks, with_body
from honey.passes.shared_calls import is_constant
from honey.records import dataclass, field


def run(program: n.Program) -> n.Program:
    """``program`` with its questions asked late."""
    symbols = Symbols.of(program)

    def rule(function: n.Function) -> n.Function:
        late = _Late(symbols, locals_written(function.body), iter(range(next_local_id(function), 1 << 30)))
        return with_body(function, map_blocks(function.body, late.block))

    return each_function(program, rule)


@dataclass(slots=True)
class _Late:
    symbols: Symbols
    changing: frozenset[int]
    ids: Iterator[int]
    used: dict[int, tuple[n.Stmt, frozenset[int]]] = field(default_factory=dict)

    def block(self, block: n.Block) -> n.Block:
        """The block with its questions, and what is computed of their answers alone, moved down."""
        out: list[n.Stmt] = []
        for statement in reversed(block):
            if isinstance(statement, n.Let) and self._is_question(statement):
                out = self._asked_late(statement, out)
            else:
                out.insert(0, statement)
        return block if len(out) == len(block) and all(a is b for a, b in zip(out, block, strict=True)) else tuple(out)

    def _is_question(self, let: n.Let) -> bool:
        if let.local.id in self.changing:
            return False
        match let.value:
            case n.HelperCall(name, ()):
                return name in CONSTANT_CALLS
            case n.Call(name, ()):
                return is_constant(self.symbols.functions[name], self.symbols)
            case n.Cast() | n.Binary():
                found = reads(let.value)
                return not found.spaces and not found.locals & self.changing
            case _:
                return False

    def _used_by(self, statement: n.Stmt) -> frozenset[int]:
        """The locals that a statement uses; each is looked through once, whatever the number of questions."""
        known = self.used.get(id(statement))
        if known is None or known[0] is not statement:
            known = self.used[id(statement)] = (statement, frozenset(uses(statement)))
        return known[1]

    def _asked_late(self, let: n.Let, later: list[n.Stmt]) -> list[n.Stmt]:
        """What follows a question, with the question before the first that wants the answer, or inside it."""
        users = [at for at, one in enumerate(later) if let.local.id in self._used_by(one)]
        if not users:
            return [let, *later]
        first = later[users[0]]
        if len(users) == 1 and isinstance(first, n.If):
            inside = self._inside(let, first)
            if inside is not None:
                return [*later[: users[0]], inside, *later[users[0] + 1 :]]
        return [*later[: users[0]], let, *later[users[0] :]]

    def _inside(self, let: n.Let, branch: n.If) -> n.If | None:
        """The branch with the question in it, if not every way through it wants the answer."""
        wanted = let.local.id
        if not uses(branch.condition)[wanted]:
            inner = [block for block in blocks_of(branch) if uses(block)[wanted]]
            if len(inner) != 1:
                return None
            blocks = [tuple(self._asked_late(let, list(one))) if one is inner[0] else one for one in blocks_of(branch)]
            new = with_blocks(branch, blocks)
            assert isinstance(new, n.If)
            return new
        match branch:
            case n.If(n.Binary(n.BinaryOp.LAND, first, second), then, (), span) if not uses(first)[wanted]:
                return n.If(first, self._tested(let, second, then), (), span)
            case _:
                return None

    def _tested(self, let: n.Let, test: n.Expr, then: n.Block) -> n.Block:
        """The question and the test of its answer; what it is compared with is read first, and not its address kept."""
        before: tuple[n.Stmt, ...] = ()
        if isinstance(test, n.Binary) and test.op.compares and isinstance(test.left.type, t.Int):
            other = test.left
            if reads(other).spaces & {t.Space.MAP} and not uses(other)[let.local.id]:
                value = n.Local(next(self.ids), "value", other.type)
                before = (n.Let(value, other, let.span),)
                test = n.Binary(test.op, n.Read(n.LocalPlace(value), value.type), test.right, test.type)
        return (*before, let, n.If(test, then, (), let.span))
