# SPDX-License-Identifier: Apache-2.0
"""Habits of other languages in the lines of a source, as errors at their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic, Label, error
from honey.diagnostics.suggest import closest
from honey.syntax.habits import MACROS, blank_quotes, habit_in
from honey.syntax.source import SourceFile, Span

if TYPE_CHECKING:
    from honey.syntax import delimiters

_LOOK_DOWN = 200  # lines
_ARROW = re.compile(r"[=(,+*/<>-]\s*[a-z_]\w*->[a-z_]")
_CAPITAL_CALL = re.compile(r"(?<![\w.:%])([A-Z]\w*)\(")


def habit_between(source: SourceFile, first: int, other: delimiters.Token | None) -> Diagnostic | None:
    """`elsif`, `else if`, `else do` between a `do` without an `end` and what ends it: they are why."""
    last = other.line if other is not None else first + _LOOK_DOWN
    for number in range(first + 1, min(last, source.line_count) + 1):
        line = source.line(number)
        if line.lstrip().startswith(("els", "elif")) and (found := habit_of_line(source, number)) is not None:
            return found
    return None


def misspelt_end(source: SourceFile, first: int, other: delimiters.Token | None) -> tuple[Label, ...]:
    """A word alone on a line that is nearly an `end`."""
    last = other.line if other is not None else first + _LOOK_DOWN
    for number in range(first + 1, min(last, source.line_count) + 1):
        word = source.line(number).strip()
        if word != "end" and (word in ("}", "fi", "done", "esac") or closest(word, ("end",)) is not None):
            start = source.line_start(number) + len(source.line(number)) - len(source.line(number).lstrip())
            return (Label(source.span(start, start + len(word.encode())), "is this to be its `end`?"),)
    return ()


def macro_at(source: SourceFile, span: Span) -> Diagnostic | None:
    """`PT_REGS_PARM1(ctx)`, `SEC("xdp")`: what is called at a place and begins with a capital."""
    for match in _CAPITAL_CALL.finditer(source.line(span.line)):
        if match.start() < span.column <= match.end() + 1:
            return _capital(source, span.line, match)
    return None


def first_macro(source: SourceFile) -> Diagnostic | None:
    """The first call of what begins with a capital, in a source of which the parser cannot say where it goes wrong."""
    for number in range(1, source.line_count + 1):
        if (match := _CAPITAL_CALL.search(blank_quotes(source.line(number)))) is not None:
            return _capital(source, number, match)
    return None


def _capital(source: SourceFile, number: int, match: re.Match[str]) -> Diagnostic:
    start = source.line_start(number) + len(source.line(number)[: match.start()].encode())
    what = f"`{match[1]}` begins with a capital, and a function does not"
    help = MACROS.get(match[1], "a function of a module is called as `Module.name(...)`")
    return error("HNY0007", what, source, source.span(start, start + len(match[1].encode())), help=help)


def habit_at(source: SourceFile, span: Span, around: Span | None = None) -> Diagnostic | None:
    """A habit of another language in the line of `span`; one that has to do with `around`, if that is given."""
    habit = habit_of_line(source, span.line, sure=False)
    if habit is None or habit.span is None:
        return None
    if around is not None and not habit.span.start <= around.start < habit.span.end:
        return None
    return habit


def habit_of_line(source: SourceFile, number: int, *, sure: bool = True) -> Diagnostic | None:
    """A habit of another language in a line; with ``sure``, one that is wrong wherever it stands."""
    line = source.line(number)
    finding = habit_in(line, sure=sure)
    if finding is None:
        return None
    begin = source.line_start(number)
    start, end = (begin + len(line[:column].encode()) for column in (finding.start, finding.end))
    return error("HNY0008", finding.message, source, source.span(start, end), help=finding.help)


def first_habit(source: SourceFile) -> Diagnostic | None:
    """The first habit of another language in a source of which the parser cannot say where it goes wrong."""
    return next(all_habits(source), None)


def all_habits(source: SourceFile, *, arrows: bool = False) -> Iterator[Diagnostic]:
    """The habits of another language in all lines but those of heredocs; with ``arrows``, only C's `x->y`."""
    inside = False
    for number in range(1, source.line_count + 1):
        line = source.line(number)
        wanted = not inside and (not arrows or _ARROW.search(blank_quotes(line)) is not None)
        if wanted and (found := habit_of_line(source, number)) is not None:
            yield found
        if line.count('"""') + line.count("'''") == 1:
            inside = not inside
