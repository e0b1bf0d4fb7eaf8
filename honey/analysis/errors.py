# SPDX-License-Identifier: Apache-2.0
"""How analysis reports what is wrong: an exception that ends the statement at hand, and the list it ends up in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from honey import diagnostics
from honey.diagnostics import Diagnostic, Label
from honey.syntax.source import SourceFile, Span


class Mistake(Exception):
    """Something in the source that cannot be made sense of; analysis goes on with the next statement."""

    def __init__(self, diagnostic: Diagnostic, *, raises: bool = False) -> None:
        """Carries ``diagnostic``; ``raises`` tells that Elixir would raise, and so would take a guard for false."""
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.raises = raises


class Poisoned(Exception):
    """A statement uses a value that a mistake reported before has spoilt; there is nothing new to say."""


class Left(Exception):
    """The rest of a statement is never reached: a part of it has left the function."""


class Restart(Exception):
    """Something was learnt that changes how earlier code is to be read; the module is analysed once more."""


class Report:
    """The diagnostics of one source, each once."""

    def __init__(self, source: SourceFile) -> None:
        """An empty report on ``source``."""
        self.source = source
        self._found: dict[tuple[str, Span | None, str], Diagnostic] = {}
        self._spoilt: set[tuple[str, str]] = set()

    def add(self, diagnostic: Diagnostic) -> None:
        """Adds a diagnostic unless the same has been said of the same place."""
        self._found.setdefault((diagnostic.code, diagnostic.span, diagnostic.message), diagnostic)

    def warn(
        self, code: str, message: str, span: Span, *, help: str | None = None, labels: tuple[Label, ...] = ()
    ) -> None:
        """Adds a warning."""
        self.add(Diagnostic(code, message, self.source, span, "warning", help, labels=labels))

    def mistake(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: str | None = None,
        notes: tuple[str, ...] = (),
        labels: tuple[Label, ...] = (),
    ) -> Mistake:
        """An exception to raise for an error."""
        return Mistake(diagnostics.error(code, message, self.source, span, help=help, notes=notes, labels=labels))

    @contextmanager
    def mending(self) -> Iterator[None]:
        """A part of the source whose mistake is taken in, and what follows is read all the same."""
        try:
            yield
        except Mistake as mistake:
            self.add(mistake.diagnostic)
        except Poisoned:
            pass

    @contextmanager
    def declaring(self, kind: str, name: str) -> Iterator[None]:
        """A declaration: where it has a mistake, uses of the name are none."""
        try:
            yield
        except (Mistake, Poisoned):
            self.spoil(kind, name)
            raise

    def spoil(self, kind: str, name: str) -> None:
        """Notes that a declaration has a mistake, so that uses of the name are none."""
        self._spoilt.add((kind, name))

    def forgive(self, kind: str, name: str) -> None:
        """Raises ``Poisoned`` if the name is missing because its declaration has a mistake."""
        if (kind, name) in self._spoilt:
            raise Poisoned

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not self._found

    @property
    def has_errors(self) -> bool:
        """Whether anything found stops compilation."""
        return any(diagnostic.is_error for diagnostic in self._found.values())

    def sorted(self) -> list[Diagnostic]:
        """All diagnostics in the order of the source."""
        return sorted(self._found.values(), key=lambda found: found.span.start if found.span is not None else -1)


def suggestion(name: str, known: Iterable[str], show: str = "{}") -> str | None:
    """``did you mean ...?`` where a known name is close, else ``None``; ``show`` is how the name is to be written."""
    from honey.diagnostics.suggest import closest

    found = closest(name, known)
    return f"did you mean `{show.format(found)}`?" if found else None


_LONGEST = 48
"""Characters of an expression that a help still repeats."""


def shown(report: Report, span: Span, otherwise: str) -> str:
    """The source at ``span``, or ``otherwise`` where it is too long for a line of help."""
    text = report.source.text(span)
    return text if "\n" not in text and len(text) <= _LONGEST else otherwise


def number_of(count: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
