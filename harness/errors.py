# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on the host side: one class a kind, each with what a person needs to mend it."""

from __future__ import annotations

from dataclasses import dataclass


class HarnessError(Exception):
    """Something that is shown to a person as one message, without a traceback.

    ``message`` says what is wrong, ``hint`` what to do about it ("" where there is nothing to say), ``details`` the
    words of the tool that failed (a compiler, the verifier), shown indented below.
    """

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        self.message = message
        self.hint = hint
        self.details = details
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message]
        if self.details:
            lines += ["  " + line for line in self.details.rstrip().splitlines()]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where (``maps.counts.scope``), what, and what to write instead ("" if unknown)."""

    where: str
    what: str
    write: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.write}" if self.write else text


class BenchmarkError(HarnessError):
    """A benchmark file that cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        self.path = path
        self.problems = problems
        lines = "\n".join(f"{path}: {problem}" for problem in problems)
        super().__init__(lines)


class BuildError(HarnessError):
    """A side that could not be compiled."""


class PairError(HarnessError):
    """A pair whose sides are not alike in shape."""


class RunError(HarnessError):
    """A run that did not come to a result: the target, the agent, or what it left behind."""
