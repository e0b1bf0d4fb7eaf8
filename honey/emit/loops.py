# SPDX-License-Identifier: Apache-2.0
"""Loops as C, written so that the verifier gets through them.

A loop that changes a variable in some turns and not in others has a state for each combination, if the verifier needs
the variable's exact value later. It keeps few of the states that it has seen at an instruction, and in a loop all
turns share the instructions: it forgets, and tries the combinations one by one until its budget is spent. There are two
ways out.

* Where each turn has instructions of its own, the verifier remembers (for the largest set bit of 64: 4,435 instructions
  looked at instead of more than the million that there may be). That costs nothing when the program runs. It needs a
  short loop without calls: what depends on their results clang calculates late, for all turns together.
* Else it is made to forget the variable in each turn, which costs one instruction.

Kernels before 6.7 refuse a loop that falls back to its start without a jump (see `back_edges.py`), and where clang lays
it out like that in spite of all, there is a jump at the end of each turn, and no rows.

Even where all ways through a turn end alike, a long loop is followed again and again, because the verifier drops a
state that it has met in four other turns and not in its own: the work grows with the square of the turns. If some turns
are written out, one after the other, each has states of its own (in a loop over 251 with two look-ups 141,343
instructions are looked at with eight turns in a row, and 763,421 without).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from honey.emit.alternatives import Alternatives, changes
from honey.emit.context import FunctionContext
from honey.emit.forgetting import Forgotten, forgotten
from honey.emit.turns import turn_of
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.symbols import Symbols
from honey.ir.walk import EFFECT_CLASSES, Node, blocks_of, own_nodes, pick, walk

_EFFECTS = frozenset(EFFECT_CLASSES)
_BRANCHES = (n.If, n.Select, n.IsNull, n.Call)
UNROLL = "#pragma unroll"
"""What clang writes turns out for."""

_SQUARE = 400_000
"""Nodes that a turn passes, times the square of the turns, from which on turns are written out in rows."""

_ROW = 1024
"""Nodes in a row of turns."""

_ROWS = (16, 8, 4)

_MOST = 4096
"""Nodes in all turns together: about as many instructions."""

_CALL = 32
"""What the call of a function counts, as it is mostly inlined."""

_APART = 64
"""What a signed division counts, a read of the context, and a comparison with the turn's number: clang does not see
through the assembly in them, and keeps what it makes of those of all turns on the stack."""

_ELEMENT = 128
"""What the read of an element counts: clang reads those of all turns first, and keeps them on the stack."""


def _unrolled(context: FunctionContext, loop: n.For, forgotten: Sequence[n.Local]) -> bool:
    """Whether turns of ``loop`` begin with one of several known numbers, ``forgotten`` ones apart, and it is short."""
    turns = _turns(loop)
    alternatives = Alternatives(context.file.symbols)
    alternatives.block(loop.body)
    hidden = context.expressions.turns
    return (
        context.file.rows
        and turns > 1
        and turns * sum(_size(node, hidden) for node in walk(loop.body)) <= _MOST
        and not any(isinstance(node, n.For) for node in walk(loop.body))
        and changes(loop, alternatives, forgotten)
    )


def _size(node: Node, hidden: frozenset[int]) -> int:
    match node:
        case n.Call():
            return _CALL
        case n.Binary(n.BinaryOp.DIV | n.BinaryOp.MOD, left) if isinstance(left.type, t.Int) and left.type.signed:
            return _APART
        case n.Binary(n.BinaryOp.EQ | n.BinaryOp.NE, left, right) if not isinstance(right, n.Const):
            return _APART if hidden & {turn_of(left), turn_of(right)} else 1
        case n.Read(place) if in_context(place):
            return _APART
        case n.Read(n.IndexPlace()):
            return _ELEMENT
        case _:
            return 1


def _turns(loop: n.For) -> int:
    return len(range(loop.start, loop.stop, loop.step))


def write_loop(context: FunctionContext, loop: n.For, write_body: Callable[[], None]) -> None:
    """Write a loop; ``write_body`` writes what it does in each turn."""
    forget, row = _forgotten(context, loop), 0
    if _unrolled(context, loop, forget.numbers):
        forget = Forgotten()
    else:
        row = _row(context, loop)
    zero = _zero(context) if not forget.nothing else ""
    if row != 1:
        context.writer.line(f"{UNROLL} {row or ''}".rstrip(), mapped=False)
    outer, context.scope = context.scope, context.scope.inner()
    context.writer.line(f"for ({_head(context, loop)}) {{")
    context.writer.depth += 1
    names, vague = dict(context.expressions.names), context.expressions.vague
    for each in forget.copies:
        _copy(context, each)
    for each in (*forget.numbers, *forget.copies):
        context.writer.line(context.file.features.forget(context.expressions.names[each.id], zero))
    context.writer.depth -= 1
    context.expressions.vague = {**vague, **dict.fromkeys(forget.reads, zero)}
    write_body()
    context.expressions.vague = vague
    context.expressions.names.update({each.id: names[each.id] for each in forget.copies})
    context.writer.line("}", mapped=False)
    context.scope = outer


def _row(context: FunctionContext, loop: n.For) -> int:
    """How many turns are written out in a row: 1 where it matters little, or all turns go one way."""
    size, steps = _extent(loop.body, context.file.symbols, {})
    turns = _turns(loop)
    if (
        not context.file.rows
        or steps * turns**2 < _SQUARE
        or not any(isinstance(node, _BRANCHES) for node in walk(loop.body))
    ):
        return 1
    return next((row for row in _ROWS if row <= turns and row * size <= _ROW), 1)


def _extent(block: n.Block, symbols: Symbols, known: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """The nodes of a block and of the functions that it calls: as they are written, and with all turns of its loops.

    ``known`` are functions that have been looked at, by name.
    """
    size = steps = 0
    for statement in block:
        parts = [(1, 1)]
        for node in own_nodes(statement):
            parts.append((1, 1))
            if isinstance(node, n.Call):
                if node.function not in known:
                    known[node.function] = _extent(symbols.functions[node.function].body, symbols, known)
                parts.append(known[node.function])
        turns = _turns(statement) if isinstance(statement, n.For) else 1
        for inner in blocks_of(statement):
            written, passed = _extent(inner, symbols, known)
            parts.append((written, turns * passed))
        size += sum(written for written, _ in parts)
        steps += sum(passed for _, passed in parts)
    return size, steps


def _copy(context: FunctionContext, local: n.Local) -> None:
    """A copy of a local, which goes by its name until the end of the turn."""
    original = context.expressions.names[local.id]
    name = context.expressions.names[local.id] = context.scope.new(original)
    context.writer.line(f"{context.file.spelling.declare(local.type, name)} = {original};")


def _forgotten(context: FunctionContext, loop: n.For) -> Forgotten:
    """The numbers that each turn forgets, if clang is not rather to write out the turns."""
    calls = any(pick(loop.body, _EFFECTS))
    if not calls and _unrolled(context, loop, ()):
        return Forgotten()
    found = forgotten(loop, context.function, context.file.symbols)
    folded = context.expressions.folded
    return Forgotten(
        tuple(each for each in found.numbers if each.id not in folded),
        tuple(each for each in found.copies if each.id not in folded),
        found.reads,
    )


def _head(context: FunctionContext, loop: n.For) -> str:
    """What stands between the parentheses; the number of the turn takes its name."""
    local, step = loop.local, loop.step
    name = context.expressions.names[local.id] = context.scope.new(local.name or "i")
    compare, sign = ("<", "+") if step > 0 else (">", "-")
    advance = f"{name}{sign}{sign}" if abs(step) == 1 else f"{name} {sign}= {abs(step)}"
    if not context.file.rows:
        advance = f"{advance}, {context.file.features.jump(name)}"
    start = context.expressions.converted(n.Const(loop.start, local.type), local.type)
    return f"{context.file.spelling.declare(local.type, name)} = {start}; {name} {compare} {loop.stop}; {advance}"


def _zero(context: FunctionContext) -> str:
    """A local with the zero that numbers are forgotten by; it is made once for all turns."""
    name = context.scope.new("zero")
    context.writer.line(f"__u64 {name} = {context.file.features.unknown_zero()};")
    return name
