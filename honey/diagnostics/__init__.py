# SPDX-License-Identifier: Apache-2.0
"""What the compiler says about a source: the `Diagnostic`, and where its parts live.

`honey.diagnostics.catalogue` describes every code, `honey.diagnostics.render` shows diagnostics to people and tools,
`honey.diagnostics.suggest` finds the name that was probably meant.
"""

from __future__ import annotations

from typing import Literal

from honey.records import dataclass
from honey.syntax.source import SourceFile, Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A second place in the source that helps to understand a diagnostic, such as where a name was first bound."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `code` (`HNY0123`) must be in the catalogue. `message` says what is wrong, in one line; `help` what to write
    instead; `notes` give further facts. `span` is `None` where a whole file is meant.
    """

    code: str
    message: str
    source: SourceFile
    span: Span | None
    severity: Severity = "error"
    help: str | None = None
    notes: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


def error(
    code: str,
    message: str,
    source: SourceFile,
    span: Span | None,
    *,
    help: str | None = None,
    notes: tuple[str, ...] = (),
    labels: tuple[Label, ...] = (),
) -> Diagnostic:
    """A diagnostic that stops compilation."""
    return Diagnostic(code, message, source, span, "error", help, notes, labels)
