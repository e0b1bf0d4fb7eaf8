# SPDX-License-Identifier: Apache-2.0
"""Where a side's cost comes from: by source line, by instruction, by cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.measure.assembly import text_of
from harness.measure.causes import causes
from harness.measure.gather import ExactCost
from harness.objects import BpfObject, link


@dataclass(frozen=True, slots=True)
class Counted:
    """One instruction: its slot, text, cause and source line (0: unknown), and how often an event executes it.

    ``executed`` is None where nothing was counted.
    """

    slot: int
    text: str
    cause: str
    file: str
    line: int
    executed: float | None


@dataclass(frozen=True, slots=True)
class Attribution:
    """The instructions of a side's handlers; a handler that the side lacks is left out."""

    handlers: Mapping[str, tuple[Counted, ...]]

    def by_line(self) -> dict[tuple[str, int], tuple[int, float]]:
        """``{(file, line): (instructions, executed)}``, summed over handlers, each executed count per its own event."""
        lines: dict[tuple[str, int], tuple[int, float]] = {}
        for insns in self.handlers.values():
            for one in insns:
                there, executed = lines.get((one.file, one.line), (0, 0.0))
                lines[one.file, one.line] = (there + 1, executed + (one.executed or 0.0))
        return lines

    def by_cause(self) -> dict[str, tuple[int, float]]:
        """``{cause: (instructions, executed)}`` likewise."""
        found: dict[str, tuple[int, float]] = {}
        for insns in self.handlers.values():
            for one in insns:
                there, executed = found.get(one.cause, (0, 0.0))
                found[one.cause] = (there + 1, executed + (one.executed or 0.0))
        return found


def attribute(
    obj: BpfObject, side: str, handlers: Mapping[str, Mapping[str, str]], executed: Mapping[str, ExactCost]
) -> Attribution:
    """The attribution of ``side``; ``handlers`` gives program names by handler and side, ``executed`` by program."""
    found: dict[str, tuple[Counted, ...]] = {}
    for handler, names in handlers.items():
        program = names[side]
        if program in obj.programs:
            found[handler] = tuple(_program(obj, program, executed.get(program)))
    return Attribution(found)


def _program(obj: BpfObject, program: str, executed: ExactCost | None) -> list[Counted]:
    linked = link(obj, program)
    kinds = causes(linked)
    out: list[Counted] = []
    file, line = "", 0
    for slot in range(len(linked.insns)):
        text = text_of(linked, slot)
        if not text:
            continue
        place = linked.lines[slot]
        # Line 0 is what clang gives to code that it moved: it stays with the line before.
        if place is not None and place.line:
            file, line = place.file.removeprefix("./"), place.line
        per_event = executed.by_slot[slot] / executed.events if executed and executed.events else None
        out.append(Counted(slot, text, kinds[slot], file, line, per_event))
    return out
