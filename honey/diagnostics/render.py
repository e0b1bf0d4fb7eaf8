# SPDX-License-Identifier: Apache-2.0
"""Diagnostics as people read them in a terminal, and as JSON for editors.

counter.ex:12:9: error[HNY0101]: `byts` is not a name known here
   |
12 |     x = byts + 1
   |         ^^^^
   = help: did you mean `bytes`?
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from honey.diagnostics import Diagnostic
from honey.records import dataclass
from honey.syntax.source import Span

_WIDEST_LINE = 160  # characters of a source line that are shown
_TAB = 4


@dataclass(frozen=True, slots=True)
class Style:
    """Terminal codes; all empty where there are no colours."""

    error: str = ""
    warning: str = ""
    strong: str = ""
    frame: str = ""
    help: str = ""
    reset: str = ""

    def of(self, severity: str) -> str:
        return self.error if severity == "error" else self.warning


PLAIN = Style()
COLOURS = Style("\x1b[1;31m", "\x1b[1;33m", "\x1b[1m", "\x1b[34m", "\x1b[32m", "\x1b[0m")


def render(diagnostic: Diagnostic, style: Style = PLAIN) -> str:
    """One diagnostic with its source lines, without a line end."""
    return "\n".join(_Sheet(diagnostic, style).lines())


def render_all(diagnostics: Sequence[Diagnostic], style: Style = PLAIN) -> str:
    """All diagnostics, a blank line between them, and a line that counts them."""
    shown = [render(diagnostic, style) for diagnostic in diagnostics]
    if diagnostics:
        shown.append(summary(diagnostics))
    return "\n\n".join(shown)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    counts = ((errors, "error"), (len(diagnostics) - errors, "warning"))
    return ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts if count)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Carets under a span, with a word about it."""

    span: Span
    message: str
    colour: str


class _Sheet:
    """The lines of one diagnostic, which share the width of the line numbers and the style."""

    def __init__(self, diagnostic: Diagnostic, style: Style) -> None:
        self.diagnostic = diagnostic
        self.style = style
        tint = style.of(diagnostic.severity)
        self.marks = [_Mark(diagnostic.span, "", tint)] if diagnostic.span is not None else []
        self.marks += [_Mark(label.span, label.message, style.frame) for label in diagnostic.labels]
        self.gutter = len(str(max((mark.span.line for mark in self.marks), default=0)))

    def lines(self) -> list[str]:
        diagnostic = self.diagnostic
        lines = [self._head()]
        if self.marks:
            lines.append(self._frame("", ""))
        for mark in sorted(self.marks, key=lambda mark: mark.span.line):
            lines += self._excerpt(mark)
        lines += [self._remark("note", note, self.style.strong) for note in diagnostic.notes]
        if diagnostic.help is not None:
            lines.append(self._remark("help", diagnostic.help, self.style.help))
        return lines

    def _head(self) -> str:
        diagnostic, style = self.diagnostic, self.style
        where = diagnostic.source.name
        if (span := diagnostic.span) is not None:
            where += f":{span.line}:{span.column}"
        kind = f"{style.of(diagnostic.severity)}{diagnostic.severity}[{diagnostic.code}]{style.reset}"
        return f"{style.strong}{where}{style.reset}: {kind}: {style.strong}{diagnostic.message}{style.reset}"

    def _frame(self, number: str, text: str) -> str:
        return f"{self.style.frame}{number:>{self.gutter}} |{self.style.reset} {text}".rstrip(" ")

    def _excerpt(self, mark: _Mark) -> list[str]:
        """The first line of a span with carets under it."""
        span = mark.span
        text = self.diagnostic.source.line(span.line)
        last = span.end_column if span.end_line == span.line else len(text) + 1
        begin, length = span.column - 1, max(1, last - span.column)
        cut = max(0, begin - _WIDEST_LINE // 2) if len(text) > _WIDEST_LINE else 0
        shown = text[cut : cut + _WIDEST_LINE]
        carets = "^" * max(1, _width(shown[begin - cut : begin - cut + length]))
        word = f" {mark.message}" if mark.message else ""
        under = " " * _width(shown[: begin - cut]) + f"{mark.colour}{carets}{word}{self.style.reset}"
        return [self._frame(str(span.line), _visible(shown)), self._frame("", under)]

    def _remark(self, word: str, text: str, colour: str) -> str:
        margin = " " * (self.gutter + len(" = : ") + len(word))
        body = text.replace("\n", f"\n{margin}")
        return f"{' ' * self.gutter} {self.style.frame}={self.style.reset} {colour}{word}{self.style.reset}: {body}"


def _visible(text: str) -> str:
    """Tabs as blanks, and no character that would move the cursor."""
    text = text.replace("\t", " " * _TAB)
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if character == "\t":
        return _TAB
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON document: `{"schema": 1, "diagnostics": [...]}`; spans count as `Span` does."""
    import json

    document = {"schema": 1, "diagnostics": [_document(diagnostic) for diagnostic in diagnostics]}
    return json.dumps(document, indent=1)


def _document(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.source.name,
        "span": _span_document(diagnostic.span),
        "help": diagnostic.help,
        "notes": list(diagnostic.notes),
        "labels": [{"span": _span_document(label.span), "message": label.message} for label in diagnostic.labels],
    }


def _span_document(span: Span | None) -> dict[str, int] | None:
    if span is None:
        return None
    return {
        "start": span.start,
        "end": span.end,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
