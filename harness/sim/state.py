# SPDX-License-Identifier: Apache-2.0
"""What is known of registers and stack slots at a point of a program: the range each value can be in.

Addresses of stack frames, context, data sections and maps are constants of the translated program, so a range also
tells which region a pointer points into.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.sim.memory import M64

Range = tuple[int, int]
TOP: Final[Range] = (0, M64)


@dataclass(slots=True)
class State:
    """Ranges of r0 to r10, and of the eight-byte stack slots that were written whole, by offset in the frame."""

    registers: list[Range] = field(default_factory=lambda: [TOP] * 11)
    slots: dict[int, Range] = field(default_factory=dict)

    def copy(self) -> State:
        """An independent copy."""
        return State(list(self.registers), dict(self.slots))

    def forget(self, offset: int, size: int) -> None:
        """The bytes ``offset .. offset + size - 1`` of the frame were written with something unknown."""
        for at in [at for at in self.slots if at < offset + size and offset < at + 8]:
            del self.slots[at]

    def join(self, other: State, *, widen: bool) -> bool:
        """Make this state cover ``other`` as well; says whether it changed.

        With ``widen`` a bound that moves goes to its extreme at once, so that loops come to an end.
        """
        changed = False
        for index, (mine, theirs) in enumerate(zip(self.registers, other.registers, strict=True)):
            joined = _join(mine, theirs, widen)
            if joined != mine:
                self.registers[index], changed = joined, True
        for at, mine in list(self.slots.items()):
            known = other.slots.get(at)
            joined = _join(mine, known, widen) if known else TOP
            if known is None:
                del self.slots[at]
                changed = True
            elif joined != mine:
                self.slots[at], changed = joined, True
        return changed


def _join(mine: Range, theirs: Range, widen: bool) -> Range:
    low, high = min(mine[0], theirs[0]), max(mine[1], theirs[1])
    if widen:
        low = low if low == mine[0] else 0
        high = high if high == mine[1] else M64
    return low, high
