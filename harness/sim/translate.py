# SPDX-License-Identifier: Apache-2.0
"""From a linked program to Python functions: analysis, statements, compilation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

from harness.objects.insn import CALL, EXIT, LD_IMM64
from harness.sim import alu
from harness.sim.cfg import JA, JA32, Block, Graph, build_graphs, is_packet_load
from harness.sim.lower import Lowering, Step
from harness.sim.paths import PathNumbers
from harness.sim.state import State
from harness.sim.structure import Lowered, Nested, TextLine, TooDeepError, dispatched
from harness.sim.unit import Unit, namespace_of_structs

#: What an unwritten byte of a stack frame holds, so that forgotten padding shows.
POISON: Final = 0xA5
_WIDEN_AFTER: Final = 2


@dataclass(frozen=True, slots=True)
class Translated:
    """A program ready to run.

    ``source`` is the generated text, ``slots`` the slot each of its lines was made from, ``numbers`` the paths of each
    function (None where it counts blocks), ``graphs`` their blocks, ``bases`` their first path numbers.
    ``namespace`` must be completed with what the text calls before :meth:`compile`.
    """

    name: str
    source: str
    slots: tuple[int, ...]
    graphs: tuple[Graph, ...]
    numbers: tuple[PathNumbers | None, ...]
    bases: tuple[int, ...]
    inputs: dict[int, tuple[int, ...]]
    filename: str = field(default="")

    def compile(self, namespace: dict[str, Any]) -> dict[int, Callable[..., int]]:
        """The functions by their first slot."""
        exec(compile(self.source, self.filename, "exec"), namespace)
        return {graph.start: namespace[f"function_{graph.start}"] for graph in self.graphs}

    def slot_of(self, traceback: TracebackType | None) -> int:
        """The slot at which the innermost generated function was when an exception left it."""
        slot = 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.filename:
                slot = self.slots[traceback.tb_lineno - 1]
            traceback = traceback.tb_next
        return slot

    def blocks_of(self, number: int) -> tuple[Graph, tuple[int, ...]]:
        """The function and the blocks in it that path ``number`` went through."""
        index = max(index for index, base in enumerate(self.bases) if base <= number)
        numbers = self.numbers[index]
        return self.graphs[index], (numbers.blocks_of(number) if numbers else (number - self.bases[index],))


def translate(unit: Unit, context: int, filename: str) -> Translated:
    """Translate the program in ``unit``, which is called with the address ``context`` in r1."""
    graphs = {graph.start: graph for graph in build_graphs(unit.linked)}
    entry = State()
    entry.registers[1] = (context, context)
    unit.entries = {0: entry}
    for address in unit.functions.values():
        unit.entries.setdefault(address, State())
    states = _ranges(unit, graphs)
    _inputs(unit, graphs, states)
    pieces: list[TextLine] = []
    numbers: list[PathNumbers | None] = []
    bases: list[int] = []
    base = 0
    reached = [graph for start, graph in graphs.items() if start in states]
    for graph in reached:
        text, paths = _function(unit, graph, states[graph.start], base)
        pieces += text
        numbers.append(paths)
        bases.append(base)
        base += paths.total if paths else len(graph.blocks)
    return Translated(
        name=unit.linked.name,
        source="\n".join(" " * depth + text for depth, text, _ in pieces) + "\n",
        slots=tuple(slot for _, _, slot in pieces),
        graphs=tuple(reached),
        numbers=tuple(numbers),
        bases=tuple(bases),
        inputs={start: tuple(sorted(unit.inputs[start])) for start in states},
        filename=filename,
    )


def base_namespace() -> dict[str, Any]:
    """What every generated text may call."""
    return namespace_of_structs() | alu.NAMESPACE


_States = dict[int, list[State]]


def _ranges(unit: Unit, graphs: dict[int, Graph]) -> _States:
    """What is known at the start of each block, for every function that can be called."""
    states: _States = {}
    unit.changed = set(unit.entries)
    while unit.changed:
        start = min(unit.changed)
        unit.changed.discard(start)
        states[start] = _function_ranges(unit, graphs[start])
    return states


def _function_ranges(unit: Unit, graph: Graph) -> list[State]:
    known: list[State | None] = [None] * len(graph.blocks)
    known[0] = unit.entries[graph.start].copy()
    visits = [0] * len(graph.blocks)
    tops = {to for _, to in graph.back_edges}
    waiting = {0}
    while waiting:
        index = min(waiting)
        waiting.discard(index)
        visits[index] += 1
        block, state = graph.blocks[index], known[index]
        assert state is not None
        low = Lowering(unit, graph.start, state.copy())
        for slot in _slots(unit, block):
            low.run(block, slot)
        for to in block.successors:
            if to < 0:
                continue
            before = known[to]
            widen = visits[to] >= _WIDEN_AFTER and (to in tops or not graph.reducible)
            if before is None:
                known[to] = low.state.copy()
                waiting.add(to)
            elif before.join(low.state, widen=widen):
                waiting.add(to)
    return [state for state in known if state is not None]


def _slots(unit: Unit, block: Block) -> list[int]:
    """The first slots of the instructions of a block, without the jump or exit at its end."""
    insns = unit.linked.insns
    slots: list[int] = []
    slot = block.start
    while slot < block.end:
        code = insns[slot].code
        if code & 0x07 not in (5, 6) or code == CALL:
            slots.append(slot)
        slot += 2 if code == LD_IMM64 else 1
    return slots


def _inputs(unit: Unit, graphs: dict[int, Graph], states: _States) -> None:
    """Find which of r1 to r5 each function reads; calls read what their callees read."""
    unit.inputs = {start: set() for start in states}
    changed = True
    while changed:
        changed = False
        for start, known in states.items():
            live = _liveness(unit, graphs[start], known)[0]
            if live & {1, 2, 3, 4, 5} - unit.inputs[start]:
                unit.inputs[start] |= live & {1, 2, 3, 4, 5}
                changed = True


def _liveness(unit: Unit, graph: Graph, known: list[State]) -> list[set[int]]:
    """The registers whose Python variables are read after the start of each block before they are set."""
    effects: list[tuple[set[int], set[int]]] = []
    for block in graph.blocks:
        low = Lowering(unit, graph.start, known[block.index].copy())
        steps = [low.run(block, slot) for slot in _slots(unit, block)]
        uses = set(_terminator(unit, block, low)[1])
        defines: set[int] = set()
        for step in reversed(steps):
            if step.register is not None:
                uses.discard(step.register)
                defines.add(step.register)
            uses |= step.uses
        effects.append((uses, defines))
    live: list[set[int]] = [set() for _ in graph.blocks]
    changed = True
    while changed:
        changed = False
        for block in reversed(graph.blocks):
            after = set().union(*(live[to] for to in block.successors if to >= 0))
            uses, defines = effects[block.index]
            now = uses | (after - defines)
            if now != live[block.index]:
                live[block.index], changed = now, True
    return live


def _terminator(unit: Unit, block: Block, low: Lowering) -> tuple[tuple[str, str, str], set[int]]:
    """Condition, opposite and leaving statement of a block's end, and the registers they read."""
    last = block.end - 1
    insn = unit.linked.insns[last]
    if insn.code == EXIT:
        value, uses = low.exit_value()
        return ("", "", f"return {value}"), uses
    if len(block.successors) == 1 or insn.code in (JA, JA32):
        return ("", "", ""), set()
    if is_packet_load(insn):
        return ("loaded < 0", "loaded >= 0", "return 0"), set()
    if insn.code == CALL:
        return ("tail is not None", "tail is None", "return tail()"), set()
    condition, opposite, uses = low.condition(last)
    return (condition, opposite, ""), uses


def _function(unit: Unit, graph: Graph, known: list[State], base: int) -> tuple[list[TextLine], PathNumbers | None]:
    live = _liveness(unit, graph, known)
    blocks = [_block(unit, graph, block, known, live) for block in graph.blocks]
    paths: PathNumbers | None = None
    if graph.reducible:
        paths = PathNumbers(graph, base)
        try:
            body = Nested(graph, blocks, paths).write()
            _check(body)
        except (TooDeepError, SyntaxError):
            paths = None
    if paths is None:
        body = dispatched(graph, blocks, base)
    inputs = unit.inputs[graph.start] if graph.start else set[int]()
    parameters = ", ".join(f"r{register}" for register in sorted(inputs))
    head = [TextLine(0, f"def function_{graph.start}({parameters}):", graph.start)]
    water = unit.low_water.get(graph.start)
    frame = unit.frames[graph.start]
    if water is not None and water < frame.size:
        poison = unit.expose("poison", bytes([POISON]) * (frame.size - water))
        head.append(TextLine(1, f"{frame.name}[{water}:] = {poison}", graph.start))
    unset = live[0] - inputs
    if unset:
        head.append(TextLine(1, " = ".join(f"r{register}" for register in sorted(unset)) + " = 0", graph.start))
    return head + [TextLine(depth + 1, text, slot) for depth, text, slot in body], paths


def _check(body: list[TextLine]) -> None:
    """Raises SyntaxError where Python finds too many nested loops."""
    text = "\n".join(" " * (depth + 1) + text for depth, text, _ in body)
    compile(f"def check():\n{text}\n", "<check>", "exec")


def _block(unit: Unit, graph: Graph, block: Block, known: list[State], live: list[set[int]]) -> Lowered:
    """A block's statements, without those whose results nobody reads."""
    low = Lowering(unit, graph.start, known[block.index].copy(), cache=True)
    slots = _slots(unit, block)
    steps = [low.run(block, slot) for slot in slots]
    (condition, opposite, leave), uses = _terminator(unit, block, low)
    wanted = uses.union(*(live[to] for to in block.successors if to >= 0))
    written: list[list[tuple[int, str]]] = []
    for slot, step in zip(reversed(slots), reversed(steps), strict=True):
        written.append([(slot, text) for text in _statements(step, wanted)])
        if not written[-1]:
            continue
        if step.register is not None:
            wanted.discard(step.register)
        wanted |= step.uses
    body = tuple(line for lines in reversed(written) for line in lines)
    return Lowered(body, block.end - 1, condition, opposite, leave)


def _statements(step: Step, wanted: set[int]) -> list[str]:
    lines = list(step.lines)
    if step.register is None:
        return lines
    name = f"r{step.register}"
    if step.register in wanted:
        if step.result != name:
            lines.append(f"{name} = {step.result}")
    elif not step.pure:
        lines.append(step.result)
    return lines
