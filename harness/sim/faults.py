# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in a simulated program."""

from __future__ import annotations

from dataclasses import dataclass

from harness.objects.ext import Line


class SimulationError(Exception):
    """The simulator cannot do what was asked: an unknown map type, no such program, a context it cannot build."""


class AccessError(Exception):
    """A program touched memory that is not its own. Raised while it runs; callers see a :class:`Fault`."""


class ProgramError(Exception):
    """A program did something that has no result: an unresolved relocation, an unknown helper, no end in sight."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a program was stopped, and where.

    ``slot`` counts eight-byte slots from the start of the linked program; ``line`` is None without line information.
    """

    program: str
    function: str
    slot: int
    message: str
    line: Line | None = None

    def __str__(self) -> str:
        place = f" ({self.line.file}:{self.line.line})" if self.line else ""
        return f"{self.program}: {self.function}, instruction {self.slot}{place}: {self.message}"
