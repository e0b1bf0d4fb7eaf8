# SPDX-License-Identifier: Apache-2.0
"""From a graph of blocks to nested Python statements.

Python has no ``goto``. A block with one predecessor is written where it is jumped to. A block where several ways meet
is written after the block that dominates it; where a jump must skip other such blocks on its way there, it leaves its
target in ``goto`` and they are guarded (Ramsey, "Beyond Relooper", ICFP 2022, does the same for WebAssembly). A loop is
a ``while True`` around everything its top dominates.

Functions that this cannot express (loops with two entries, nesting deeper than Python allows) become one loop over a
decision tree of block numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from harness.sim.cfg import OUT, Graph
from harness.sim.paths import PathNumbers

MAX_DEPTH: Final = 80


class TextLine(NamedTuple):
    """A line of generated code and the slot it was made from."""

    depth: int
    text: str
    slot: int


@dataclass(frozen=True, slots=True)
class Lowered:
    """A block's statements and how it ends.

    ``condition``/``opposite`` decide about the second successor. ``leave`` is the statement for :data:`OUT`.
    """

    body: tuple[tuple[int, str], ...]
    last: int
    condition: str = ""
    opposite: str = ""
    leave: str = ""


class TooDeepError(Exception):
    """The nested form is not possible."""


@dataclass(frozen=True, slots=True)
class _Path:
    """The number of the path so far: ``known`` plus, where ``running``, the variable ``path``."""

    running: bool
    known: int

    def plus(self, step: int) -> _Path:
        return _Path(self.running, self.known + step)

    @property
    def text(self) -> str:
        if not self.running:
            return str(self.known)
        return f"path + {self.known}" if self.known else "path"

    @property
    def settle(self) -> str:
        """The statement after which the variable alone has the number ("" where it does already)."""
        if not self.running:
            return f"path = {self.known}"
        return f"path += {self.known}" if self.known else ""


_RUNNING: Final = _Path(running=True, known=0)


@dataclass(slots=True)
class _Loop:
    top: int
    exits: set[int] = field(default_factory=set)


class _Code:
    """Lines under construction, and the blocks to which control falls through at their end."""

    def __init__(self) -> None:
        self.lines: list[TextLine] = []
        self.falls: set[int] = set()

    def add(self, text: str, slot: int) -> None:
        self.lines.append(TextLine(0, text, slot))

    def nest(self, other: _Code) -> None:
        for depth, text, slot in other.lines:
            if depth + 1 > MAX_DEPTH:
                raise TooDeepError
            self.lines.append(TextLine(depth + 1, text, slot))


class Nested:
    """Writes one reducible function as nested statements."""

    def __init__(self, graph: Graph, blocks: list[Lowered], numbers: PathNumbers) -> None:
        self.graph = graph
        self.blocks = blocks
        self.numbers = numbers
        self.tops = {to for _, to in graph.back_edges}
        self.merges: dict[int, list[int]] = {}
        self.meeting: set[int] = set()
        for block in graph.blocks:
            index = block.index
            forward = [p for p in graph.predecessors[index] if (p, index) not in graph.back_edges]
            if len(forward) > 1:
                self.meeting.add(index)
                self.merges.setdefault(graph.idom[index], []).append(index)
        self.tested: set[int] | None = None
        self._tests: set[int] = set()

    def write(self) -> list[TextLine]:
        """The function's body. Raises :class:`TooDeepError`."""
        try:
            self._write()
            # The second time it is known which jumps must leave their target behind.
            self.tested = self._tests
            lines = self._write()
        except RecursionError as error:
            raise TooDeepError from error
        return [TextLine(0, "goto = -1", self.graph.start), *lines] if self.tested else lines

    def _write(self) -> list[TextLine]:
        self._tests = set()
        code = self._node(0, _Path(running=False, known=self.numbers.base), None)
        assert not code.falls
        return code.lines

    def _node(self, index: int, path: _Path, loop: _Loop | None) -> _Code:
        """Block ``index`` and all that it dominates."""
        if index not in self.tops:
            return self._inside(index, path, loop)
        slot = self.graph.blocks[index].start
        code = _Code()
        if path.settle:
            code.add(path.settle, slot)
        code.add("while True:", slot)
        own = _Loop(index)
        body = self._inside(index, _RUNNING, own)
        assert not body.falls
        code.nest(body)
        self._after_loop(code, own, loop, slot)
        return code

    def _after_loop(self, code: _Code, own: _Loop, outer: _Loop | None, slot: int) -> None:
        """Pass on the jumps that left a loop for a place further out."""
        for target in sorted(own.exits):
            if outer is None or (target != outer.top and self.graph.dominates(outer.top, target)):
                code.falls.add(target)
                continue
            statement = "continue" if target == outer.top else "break"
            if target != outer.top:
                outer.exits.add(target)
            if len(own.exits) > 1:
                self._tests.add(target)
                statement = f"if goto == {target}: {statement}"
            code.add(statement, slot)

    def _inside(self, index: int, path: _Path, loop: _Loop | None) -> _Code:
        code = _Code()
        block = self.blocks[index]
        for slot, text in block.body:
            code.add(text, slot)
        self._end(code, index, path, loop)
        for merge in self.merges.get(index, ()):
            guarded = code.falls != {merge}
            inner = self._node(merge, _RUNNING, loop)
            if guarded:
                self._tests.add(merge)
                code.add(f"if goto == {merge}:", self.graph.blocks[merge].start)
                code.nest(inner)
                code.falls = (code.falls - {merge}) | inner.falls
            else:
                code.lines += inner.lines
                code.falls = inner.falls
        return code

    def _end(self, code: _Code, index: int, path: _Path, loop: _Loop | None) -> None:
        """What comes after the last instruction of a block: its jumps."""
        block = self.blocks[index]
        successors = self.graph.blocks[index].successors
        ways = [self._way(index, position, path, loop) for position in range(len(successors))]
        if len(ways) == 1:
            code.lines += ways[0].lines
            code.falls = ways[0].falls
            return
        following, taken = ways
        code.falls = following.falls | taken.falls
        if not taken.falls and (following.falls or len(taken.lines) <= len(following.lines)):
            self._if(code, block.condition, taken, block.last)
            code.lines += following.lines
        elif not following.falls:
            self._if(code, block.opposite, following, block.last)
            code.lines += taken.lines
        elif not taken.lines:
            self._if(code, block.opposite, following, block.last)
        else:
            self._if(code, block.condition, taken, block.last)
            if following.lines:
                code.add("else:", block.last)
                code.nest(following)

    @staticmethod
    def _if(code: _Code, condition: str, inner: _Code, slot: int) -> None:
        if inner.lines:
            code.add(f"if {condition}:", slot)
            code.nest(inner)

    def _way(self, index: int, position: int, path: _Path, loop: _Loop | None) -> _Code:
        """The edge to successor number ``position``."""
        code = _Code()
        target = self.graph.blocks[index].successors[position]
        block = self.blocks[index]
        path = path.plus(self.numbers.step(index, position))
        if target == OUT:
            code.add(f"trace({path.text})", block.last)
            code.add(block.leave, block.last)
        elif (index, target) in self.graph.back_edges:
            assert loop is not None
            code.add(f"tick({path.text})", block.last)
            code.add(f"path = {self.numbers.restart[target]}", block.last)
            self._go(code, target, block.last)
            code.add("continue" if target == loop.top else "break", block.last)
            if target != loop.top:
                loop.exits.add(target)
        elif target in self.meeting:
            if path.settle:
                code.add(path.settle, block.last)
            self._go(code, target, block.last)
            if loop is None or self.graph.dominates(loop.top, target):
                code.falls.add(target)
            else:
                loop.exits.add(target)
                code.add("break", block.last)
        else:
            return self._node(target, path, loop)
        return code

    def _go(self, code: _Code, target: int, slot: int) -> None:
        """Leave the target behind, where a guard looks at it or could look at an old one."""
        if self.tested is None or target in self.tested or (self.tops and self.tested):
            code.add(f"goto = {target}", slot)


def dispatched(graph: Graph, blocks: list[Lowered], base: int) -> list[TextLine]:
    """The function as a loop over a decision tree; block number n counts as path ``base + n``."""
    lines = [TextLine(0, "goto = 0", graph.start), TextLine(0, "while True:", graph.start)]

    def tree(low: int, high: int, depth: int) -> Iterator[TextLine]:
        start = graph.blocks[low].start
        if high - low > 1:
            middle = (low + high) // 2
            yield TextLine(depth, f"if goto < {middle}:", start)
            yield from tree(low, middle, depth + 1)
            yield TextLine(depth, "else:", start)
            yield from tree(middle, high, depth + 1)
            return
        block = blocks[low]
        for slot, text in block.body:
            yield TextLine(depth, text, slot)
        yield TextLine(depth, f"tick({base + low})", block.last)
        successors = graph.blocks[low].successors
        if len(successors) > 1:
            yield TextLine(depth, f"if {block.condition}: {_dispatch(block, successors[1])}", block.last)
            yield TextLine(depth, f"else: {_dispatch(block, successors[0])}", block.last)
        else:
            yield TextLine(depth, _dispatch(block, successors[0]), block.last)

    lines += tree(0, len(graph.blocks), 1)
    return lines


def _dispatch(block: Lowered, target: int) -> str:
    return block.leave if target == OUT else f"goto = {target}"
