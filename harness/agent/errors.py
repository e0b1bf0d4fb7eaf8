# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class AgentError(Exception):
    """A step that failed, with what a person needs to see: which step, whose program, the verifier's words."""

    step: str
    message: str
    side: str = ""
    program: str = ""
    log: str = ""

    def __str__(self) -> str:
        whose = "/".join(part for part in (self.side, self.program) if part)
        return f"{self.step}: {whose + ': ' if whose else ''}{self.message}"

    def document(self) -> dict[str, Any]:
        """The error as it stands in ``result.json``; what is not known is left out."""
        out = {"step": self.step, "message": self.message}
        for name in ("side", "program", "log"):
            if value := getattr(self, name):
                out[name] = value
        return out


class Interrupted(BaseException):
    """A signal asked the agent to stop; not an ``Exception``, so that no handler on the way swallows it."""


class TimeLimit(AgentError):
    """A step that did not end within its time limit."""
