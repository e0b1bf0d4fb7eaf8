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
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from honey.emit.alternatives import Alternatives, changes
from honey.emit.context import FunctionContext
from honey.emit.forgetting import forgotten
from honey.emit.turns import turn_of
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.walk import EFFECT_CLASSES, Node, pick, walk

_EFFECTS = frozenset(EFFECT_CLASSES)
_PRAGMA = "#pragma unroll"

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
    turns = len(range(loop.start, loop.stop, loop.step))
    alternatives = Alternatives(context.file.symbols)
    alternatives.block(loop.body)
    hidden = context.expressions.turns
    return (
        turns > 1
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


def write_loop(context: FunctionContext, loop: n.For, write_body: Callable[[], None]) -> None:
    """Write a loop; ``write_body`` writes what it does in each turn."""
    numbers = _forgotten(context, loop)
    if _unrolled(context, loop, numbers):
        context.writer.line(_PRAGMA, mapped=False)
        numbers = []
    zero = _zero(context) if numbers else ""
    outer, context.scope = context.scope, context.scope.inner()
    context.writer.line(f"for ({_head(context, loop)}) {{")
    context.writer.depth += 1
    for each in numbers:
        context.writer.line(context.file.features.forget(context.expressions.names[each.id], zero))
    context.writer.depth -= 1
    write_body()
    context.writer.line("}", mapped=False)
    context.scope = outer


def _forgotten(context: FunctionContext, loop: n.For) -> list[n.Local]:
    """The numbers that each turn forgets, if clang is not rather to write out the turns."""
    calls = any(pick(loop.body, _EFFECTS))
    if not calls and _unrolled(context, loop, ()):
        return []
    numbers = forgotten(loop, context.function, context.file.symbols)
    return [each for each in numbers if each.id not in context.expressions.folded]


def _head(context: FunctionContext, loop: n.For) -> str:
    """What stands between the parentheses; the number of the turn takes its name."""
    local, step = loop.local, loop.step
    name = context.expressions.names[local.id] = context.scope.new(local.name or "i")
    compare, sign = ("<", "+") if step > 0 else (">", "-")
    advance = f"{name}{sign}{sign}" if abs(step) == 1 else f"{name} {sign}= {abs(step)}"
    start = context.expressions.converted(n.Const(loop.start, local.type), local.type)
    return f"{context.file.spelling.declare(local.type, name)} = {start}; {name} {compare} {loop.stop}; {advance}"


def _zero(context: FunctionContext) -> str:
    """A local with the zero that numbers are forgotten by; it is made once for all turns."""
    name = context.scope.new("zero")
    context.writer.line(f"__u64 {name} = {context.file.features.unknown_zero()};")
    return name
