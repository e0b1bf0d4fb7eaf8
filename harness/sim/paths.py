# SPDX-License-Identifier: Apache-2.0
"""Numbering the paths through a function (Ball and Larus, "Efficient path profiling", MICRO 1996).

Each way from the entry (or from the top of a loop) to an exit (or to the end of a round of a loop) has a number that is
the sum of numbers on its edges. Adding those up costs next to nothing while the program runs, and yet tells afterwards
which instructions ran how often, exactly.
"""

from __future__ import annotations

from functools import lru_cache

from harness.sim.cfg import OUT, Graph


class PathNumbers:
    """The numbers of one function's paths: ``base .. base + total - 1``."""

    def __init__(self, graph: Graph, base: int) -> None:
        self._graph = graph
        self.base = base
        headers = sorted({to for _, to in graph.back_edges})
        counts = self._count()
        self._starts = [(base, 0)]
        at = base + counts[0]
        for header in headers:
            self._starts.append((at, header))
            at += counts[header]
        #: Number of the first path that starts at each loop top.
        self.restart = {header: first for first, header in self._starts[1:]}
        self.total = at - base
        self._edges: list[list[tuple[int, int]]] = []
        for block in graph.blocks:
            edges, value = [], 0
            for position, to in enumerate(block.successors):
                edges.append((value, position))
                value += 1 if self._ends(block.index, to) else counts[to]
            self._edges.append(edges)
        self.blocks_of = lru_cache(maxsize=4096)(self._blocks_of)

    def _ends(self, block: int, to: int) -> bool:
        return to == OUT or (block, to) in self._graph.back_edges

    def _count(self) -> list[int]:
        counts = [0] * len(self._graph.blocks)
        for block in reversed(self._graph.blocks):
            counts[block.index] = sum(1 if self._ends(block.index, to) else counts[to] for to in block.successors)
        return counts

    def step(self, block: int, position: int) -> int:
        """What the edge to successor number ``position`` of ``block`` adds."""
        return self._edges[block][position][0]

    def _blocks_of(self, number: int) -> tuple[int, ...]:
        """The blocks on path ``number``, in order."""
        rest, at = min((number - first, at) for first, at in self._starts if first <= number)
        blocks = [at]
        while True:
            value, position = max(edge for edge in self._edges[at] if edge[0] <= rest)
            rest -= value
            to = self._graph.blocks[at].successors[position]
            if self._ends(at, to):
                return tuple(blocks)
            blocks.append(to)
            at = to
