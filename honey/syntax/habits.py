# SPDX-License-Identifier: Apache-2.0
"""What people write who come from C, Python or Ruby, and what it is called in Elixir."""

from __future__ import annotations

import re

from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class Habit:
    """A piece of another language. `pattern` is looked for in a line whose strings and comments are blanked out.

    `message` and `help` are templates for `re.Match.expand`; the span is the group `at`.
    """

    pattern: re.Pattern[str]
    message: str
    help: str


def _habit(pattern: str, message: str, help: str) -> Habit:
    return Habit(re.compile(pattern), message, help)


#: A name, a call, or what is left of a value that is neither.
_VALUE = r"(?:[\w.]+\((?:[^()]|\([^()]*\))*\)|[\w\])}.]+)"

HABITS = (
    _habit(r"^\s*(?P<at>for|while)\s*\(", r"Elixir has no `\g<at> (...)`", "write `for i <- 0..n do ... end`"),
    _habit(
        r"^\s*(?:if|unless|for|while|switch|case|defp?|else)\b.*(?P<at>\{)\s*$",
        "blocks do not stand between braces",
        "write `do` and `end` in place of `{` and `}`",
    ),
    _habit(
        r"(?P<x>[\w.]+)\s*(?P<at>(?P<op>[-+*/|&])=)(?!=)\s*(?P<y>.*\S)?",
        r"Elixir has no `\g<op>=`",
        r"write `\g<x> = \g<x> \g<op> ...`",
    ),
    _habit(
        r"(?P<x>[\w.]+)(?P<at>(?P<op>\+|-)(?P=op))\s*$",
        r"Elixir has no `\g<op>\g<op>`",
        r"write `\g<x> = \g<x> \g<op> 1`",
    ),
    _habit(
        rf"(?P<x>{_VALUE})\s*(?P<at>%)\s*(?P<y>[\w(][\w.]*)",
        "`%` starts a map or a struct; it is not the remainder",
        r"write `rem(\g<x>, \g<y>)`",
    ),
    _habit(r"(?P<at>/\*|\*/)", "Elixir has no `/* ... */`", "start each line of a comment with `#`"),
    _habit(r"(?P<at>//)", "`//` does not start a comment", "start a comment with `#`"),
    _habit(
        rf"(?P<x>{_VALUE})\s+(?P<at><<)\s*(?P<y>[\w(][\w.]*)",
        "`<<` starts a binary; it is not a shift",
        r"write `\g<x> <<< \g<y>`",
    ),
    _habit(
        rf"(?P<x>{_VALUE})\s+(?P<at>>>)\s*(?P<y>[\w(][\w.]*)",
        "`>>` ends a binary; it is not a shift",
        r"write `\g<x> >>> \g<y>`",
    ),
    _habit(rf"{_VALUE}\s+(?P<at>\?)\s+.*\s:\s", "Elixir has no `a ? b : c`", "write `if(a, do: b, else: c)`"),
    _habit(
        r"(?P<x>\w+)(?P<at>->)(?P<y>\w+)",
        "a field is reached with a dot",
        r"write `\g<x>.\g<y>`; a reference needs no `->`",
    ),
    _habit(
        r"\b(?P<at>else\s+if|elsif|elif)\b",
        r"Elixir has no `\g<at>`",
        "write a `cond do ... end` with one clause a case",
    ),
    _habit(
        r"\b(?:if|unless)\b.*\s(?P<at>then)\b", "Elixir has no `then` here", "write `if ... do`, or `if ..., do: ...`"
    ),
    _habit(r"(?P<at>(?P<a>[-=|<!])\s+(?P<b>[>=]))", r"there is a space inside an operator", r"write `\g<a>\g<b>`"),
    _habit(
        r"\b(?P<name>[a-z_]\w*[?!]?)(?P<at>\s+\()[^()]*,",
        r"a space stands between `\g<name>` and its arguments",
        r"write `\g<name>(...)`",
    ),
    _habit(
        r"(?P<at>\b\w+\?\s*:|\w+:(?=[\w\"'\[{(:]))", "a keyword's colon is followed by a space", r"write `name: value`"
    ),
    _habit(
        r"(?<=[\w)\]])\s(?P<at>~)\s?\w", "`~` starts a sigil", "bitwise not is `~~~a`; exclusive or is `bxor(a, b)`"
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A habit seen in a line: `start` and `end` are character offsets in it."""

    start: int
    end: int
    message: str
    help: str


_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|#(?!\{).*")


def blank_quotes(line: str) -> str:
    """`line` with the insides of strings, and comments, turned into blanks, so that offsets stay."""
    return _QUOTED.sub(
        lambda match: match[0][0] + " " * (len(match[0]) - 2) + match[0][-1] if match[0][0] != "#" else "", line
    )


def habit_in(line: str) -> Finding | None:
    """The first habit of another language in a line of source."""
    blanked = blank_quotes(line)
    for habit in HABITS:
        match = habit.pattern.search(blanked)
        if match is not None:
            start, end = match.span("at")
            return Finding(start, end, match.expand(habit.message), match.expand(habit.help))
    return None
