# SPDX-License-Identifier: Apache-2.0
"""How much work a program is for the verifier, which follows loops turn by turn and gives up at a limit.

It looks at a million instructions, each as often as it gets there, and keeps 8,192 branches whose other side is still
to be looked at: all that it meets before the first path ends (``BPF_COMPLEXITY_LIMIT_INSNS`` and
``BPF_COMPLEXITY_LIMIT_JMP_SEQ`` of the kernel's verifier). Both grow with the turns of loops.

A node of the IR is taken for an instruction, and for two where there are branches, behind which much is looked at
again. Where branches are nested in a loop, the work grows with the square of its turns, as the verifier drops states
that it has seen and meets too seldom; a quarter of the square is about the most that was measured.
"""

from __future__ import annotations

from honey.analysis.errors import Report
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import leaves
from honey.ir.walk import Node, own_nodes, walk
from honey.records import dataclass

INSTRUCTIONS = 1_000_000
BRANCHES = 8_192
_WRITTEN_OUT = 100_000_000
"""Nodes in calls within calls, without loops, that clang may be given: it knows most of what is passed, and drops the
rest, but each call takes its time."""
_OF_SQUARE = 4
_OF_SQUARE_IN_ROWS = 8
_IN_ROWS = 256
"""Instructions of a turn, up to which turns are written out in rows."""
_SIGNED_DIVISION = 3
"""Branches of the function that divides signed numbers."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the verifier meets.

    ``steps``: nodes in all turns; ``branches``: those on one path; ``depth``: how many of them are in one another, with
    sides that both go on; ``squared``: instructions of loops with such branches.
    """

    steps: int = 0
    branches: int = 0
    depth: int = 0
    squared: int = 0

    @property
    def instructions(self) -> int:
        """How many instructions the verifier may have to look at."""
        return max(self.steps * (2 if self.branches else 1), self.squared)

    def __add__(self, other: Work) -> Work:
        """One after the other."""
        return Work(
            self.steps + other.steps,
            self.branches + other.branches,
            max(self.depth, other.depth),
            self.squared + other.squared,
        )


def check(program: n.Program, report: Report) -> None:
    """Reports the handlers with loops that the verifier would not follow to their end."""
    count = _Count({function.name: function for function in program.functions}, {})
    for handler in program.handlers:
        found = count.function(handler)
        if found.steps <= _WRITTEN_OUT and not count.loops(handler):
            continue
        if found.instructions <= INSTRUCTIONS and found.branches <= BRANCHES:
            continue
        most, what = count.most(handler, found)
        span = most.span or handler.span
        assert span is not None
        much = (
            f"{_number(found.branches)} branches one after the other, and the verifier keeps {BRANCHES:,} in mind"
            if found.branches > BRANCHES
            else f"about {_number(found.instructions)} instructions, and the verifier gives up after {INSTRUCTIONS:,}"
        )
        report.add(
            report.mistake(
                "HNY0801",
                f"{what}: in {handler.name} {much}",
                span,
                help=_HELP[what],
            ).diagnostic
        )


_TURN = "every turn of this loop is followed"
_CALL = "every call that is made from here is written out"
_HELP = {
    _TURN: "loop over less, or do less in each turn",
    _CALL: "give it less fuel, or let it call itself in one place only",
}
_MUCH = 1_000_000_000_000


def _number(count: int) -> str:
    return f"{count:,}" if count < _MUCH else "a million million and more"


@dataclass(slots=True)
class _Count:
    functions: dict[str, n.Function]
    done: dict[str, Work]

    def most(self, handler: n.Function, found: Work) -> tuple[n.Stmt, str]:
        """The loop that most of the handler's work is in, or the statement with the calls that it is in."""

        def size(statement: n.Stmt) -> int:
            work = self.block((statement,), frozenset())
            return work.branches if found.branches > BRANCHES else work.steps

        longest = max(self.loops(handler), key=size, default=None)
        if longest is not None and 2 * size(longest) >= (found.branches if found.branches > BRANCHES else found.steps):
            return longest, _TURN
        return max(handler.body, key=size), _CALL

    def loops(self, function: n.Function) -> list[n.For]:
        """The loops of a function and of those that it calls, each once."""
        seen = {function.name}
        waiting, found = [function], list[n.For]()
        while waiting:
            for node in walk(waiting.pop().body):
                if isinstance(node, n.For):
                    found.append(node)
                elif isinstance(node, n.Call) and node.function in self.functions and node.function not in seen:
                    seen.add(node.function)
                    waiting.append(self.functions[node.function])
        return found

    def function(self, function: n.Function) -> Work:
        """One call of a function."""
        if function.name not in self.done:
            self.done[function.name] = self.block(function.body, frozenset())
        return self.done[function.name]

    def block(self, block: n.Block, known: frozenset[int]) -> Work:
        """A block; ``known`` are the loops' own numbers, which the verifier knows at each turn."""
        total = Work()
        for statement in reversed(block):
            total = self._before(statement, total, known)
        return total

    def _before(self, statement: n.Stmt, rest: Work, known: frozenset[int]) -> Work:
        """A statement and the ``rest`` behind it, to which a side of a branch that leaves does not come."""
        own = [*own_nodes(statement)]
        total = Work(1 + len(own), sum(_branches(node, known) for node in own))
        for node in own:
            if isinstance(node, n.Call) and node.function in self.functions:
                total += self.function(self.functions[node.function])
        match statement:
            case n.If(condition, then, otherwise):
                first, second = self.block(then, known), self.block(otherwise, known)
                undecided = not _known(condition, known)
                forks = undecided and not leaves(then) and not leaves(otherwise)
                paths = (
                    side.branches + (0 if leaves(block) else rest.branches)
                    for side, block in ((first, then), (second, otherwise))
                )
                return total + Work(
                    first.steps + second.steps + rest.steps,
                    max(paths) + int(undecided and not total.branches),
                    max(max(first.depth, second.depth) + forks, rest.depth),
                    first.squared + second.squared + rest.squared,
                )
            case n.For(local, start, stop, step, body):
                turns = len(range(start, stop, step))
                turn = self.block(body, known | {local.id})
                part = _OF_SQUARE_IN_ROWS if turn.steps <= _IN_ROWS else _OF_SQUARE
                square = turn.steps // part if turn.depth > 1 else 0
                total += Work(
                    turns * turn.steps, turns * turn.branches, 0, max(turns * turn.squared, turns**2 * square)
                )
            case n.Scope(body):
                total += self.block(body, known)
            case _:
                pass
        return total + rest


def _branches(node: Node, known: frozenset[int]) -> int:
    """How many branches clang makes of a node; comparisons take one, as eBPF has no other way to do them."""
    match node:
        case n.Binary(op, left) if op in (n.BinaryOp.DIV, n.BinaryOp.MOD):
            return _SIGNED_DIVISION if isinstance(left.type, t.Int) and left.type.signed else 0
        case n.Binary(op) if op.compares:
            return 0 if _known(node, known) else 1
        case n.IsNull() | n.Cast(_, t.Bool()):
            return 0 if _known(node, known) else 1
        case n.PacketAt():
            return 2
        case _:
            return 0


def _known(expr: n.Expr, known: frozenset[int]) -> bool:
    """Whether an expression is made of constants and of loops' own numbers."""
    return all(
        isinstance(node.place, n.LocalPlace) and node.place.local.id in known
        for node in walk(expr)
        if isinstance(node, n.Read)
    )
