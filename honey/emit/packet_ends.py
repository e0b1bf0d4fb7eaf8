# SPDX-License-Identifier: Apache-2.0
"""Packet bytes that end where others lie which a handler has found before.

Whether they are there is known then, but neither clang nor the verifier sees that: they look at the way on which they
are not there. Where a value from the bytes found before is asked for on that way, clang may read it only there, and
from the pointer to the end that has just been compared; to the verifier that one points behind the packet, and what was
shown of it before is forgotten. So such an end is a pointer of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from honey.ir import nodes as n
from honey.ir.symbols import Symbols
from honey.ir.walk import blocks_of, own_nodes
from honey.records import dataclass, field


def ending_in_others(handlers: Iterable[n.Function], symbols: Symbols) -> frozenset[int]:
    """The searches in a packet, by identity, whose bytes end in such that the same handler has found before."""
    ending = set[int]()
    for handler in handlers:
        _Path(symbols, ending).block(handler.body)
    return frozenset(ending)


@dataclass(slots=True)
class _Path:
    """The way through one handler, with the functions that it calls: which bytes have been found so far."""

    symbols: Symbols
    ending: set[int]
    found: set[tuple[int, int]] = field(default_factory=set)
    called: dict[str, int] = field(default_factory=dict)
    """How much had been found when a function was last looked through, by its name."""

    def block(self, block: n.Block) -> None:
        for statement in block:
            for node in own_nodes(statement):
                if isinstance(node, n.Call):
                    self._call(node.function)
                elif isinstance(node, n.PacketAt) and isinstance(node.offset, n.Const):
                    self._search(node, node.offset.value)
            for _ in range(2 if isinstance(statement, n.For) else 1):
                for inner in blocks_of(statement):
                    self.block(inner)

    def _call(self, name: str) -> None:
        if self.called.get(name) != len(self.found):
            self.called[name] = len(self.found)
            self.block(self.symbols.functions[name].body)

    def _search(self, search: n.PacketAt, start: int) -> None:
        end = start + max(search.length, search.type.target.size)
        if any(first <= end < behind for first, behind in self.found):
            self.ending.add(id(search))
        self.found.add((start, start + search.type.target.size))
