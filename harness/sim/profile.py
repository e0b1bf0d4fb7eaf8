# SPDX-License-Identifier: Apache-2.0
"""How often everything in a program ran: exact, by path, by instruction, by source line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness.objects.ext import Line
from harness.objects.insn import LD_IMM64
from harness.objects.link import Linked
from harness.sim.translate import Translated

#: Runs with more loop rounds than this are not kept apart as paths of their own.
LONGEST_PATH = 256


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a program: how often it was taken, what it costs, and the slots it visits in order."""

    times: int
    insns: int
    slots: tuple[int, ...]


class Profile:
    """Counts of one program. ``trail`` is what the translated program writes its path numbers to."""

    def __init__(self, linked: Linked, translated: Translated) -> None:
        self.linked = linked
        self.translated = translated
        self.trail: list[int] = []
        #: Runs, and instructions executed in all of them.
        self.runs = 0
        self.insns = 0
        self._hits: Counter[int] = Counter()
        self._ways: Counter[tuple[int, ...]] = Counter()
        self._lengths: dict[int, int] = {}

    def account(self) -> int:
        """Book the run that has just ended; its executed instructions."""
        executed = 0
        trail, lengths, hits = self.trail, self._lengths, self._hits
        for number in trail:
            if number not in lengths:
                graph, blocks = self.translated.blocks_of(number)
                lengths[number] = sum(graph.blocks[block].insns for block in blocks)
            executed += lengths[number]
            hits[number] += 1
        self.runs += 1
        self.insns += executed
        if len(trail) <= LONGEST_PATH:
            self._ways[tuple(trail)] += 1
        trail.clear()
        return executed

    def reset(self) -> None:
        """Start counting anew."""
        self.runs = self.insns = 0
        self._hits.clear()
        self._ways.clear()

    def executed_by_slot(self) -> list[int]:
        """How often each slot's instruction was executed (the second slot of a 64-bit load: never)."""
        counts = [0] * len(self.linked.insns)
        for number, times in self._hits.items():
            for slot in self._slots(number):
                counts[slot] += times
        return counts

    def executed_by_line(self) -> dict[tuple[str, int], int]:
        """Executed instructions by (file, line); instructions without line information under ("", 0)."""
        lines: Counter[tuple[str, int]] = Counter()
        for slot, times in enumerate(self.executed_by_slot()):
            line: Line | None = self.linked.lines[slot]
            if times:
                lines[(line.file, line.line) if line else ("", 0)] += times
        return dict(lines)

    def paths(self) -> list[Path]:
        """The ways that were taken, the most frequent first."""
        found = []
        for way, times in self._ways.most_common():
            slots = tuple(slot for number in way for slot in self._slots(number))
            found.append(Path(times, len(slots), slots))
        return found

    def _slots(self, number: int) -> list[int]:
        graph, blocks = self.translated.blocks_of(number)
        slots: list[int] = []
        for index in blocks:
            slot = graph.blocks[index].start
            while slot < graph.blocks[index].end:
                slots.append(slot)
                slot += 2 if self.linked.insns[slot].code == LD_IMM64 else 1
        return slots
