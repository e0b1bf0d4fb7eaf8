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
    sure: bool = True
    """Whether the line is wrong wherever it stands; others may be right, and are looked at only where a fault is."""


def _habit(pattern: str, message: str, help: str, *, sure: bool = True) -> Habit:
    return Habit(re.compile(pattern), message, help, sure)


#: A name, a call, or what is left of a value that is neither.
_VALUE = r"(?:[\w.]+\((?:[^()]|\([^()]*\))*\)|[\w\])}.]+)"

#: What C calls its types.
_TYPE = r"(?:(?:un)?signed(?: \w+)*|u?int(?:\d+(?:_t)?)?|[us]\d+|__[us]\d+|long(?: \w+)*|char|void|size_t|struct \w+)"

HABITS = (
    _habit(r"(?P<at>[\u201c\u201d\u201e\u201f\u2018\u2019])", "a typographic quote is no quote", 'write `"`'),
    _habit(r"(?P<at>[\u2013\u2014\u2212])", "this dash is no minus sign", "write `-`"),
    _habit(r"(?P<at>\u00a0)", "this blank is no space", "write a space"),
    _habit(
        r"^\s*(?P<at>switch)\s*\(", "Elixir has no `switch`", "write `case x do`, and a line `1 -> ...` for each value"
    ),
    _habit(r"^\s*(?P<at>for|while)\s*\(", r"Elixir has no `\g<at> (...)`", "write `for i <- 0..n do ... end`"),
    _habit(
        r"^\s*(?:\}\s*)?(?:if|unless|for|while|case|defp?|else)\b.*(?P<at>(?<!%)\{)\s*$",
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
        sure=False,
    ),
    _habit(r"(?P<at>/\*|\*/)", "Elixir has no `/* ... */`", "start each line of a comment with `#`"),
    _habit(r"^\s*(?P<at>//)", "`//` does not start a comment", "start a comment with `#`"),
    _habit(r"(?P<at>//)", "`//` does not start a comment", "start a comment with `#`", sure=False),
    _habit(
        rf"(?P<x>{_VALUE})\s+(?P<at><<)\s*(?P<y>[\w(][\w.]*)",
        "`<<` starts a binary; it is not a shift",
        r"write `\g<x> <<< \g<y>`",
        sure=False,
    ),
    _habit(
        rf"(?P<x>{_VALUE})\s+(?P<at>>>)\s*(?P<y>[\w(][\w.]*)",
        "`>>` ends a binary; it is not a shift",
        r"write `\g<x> >>> \g<y>`",
        sure=False,
    ),
    _habit(rf"{_VALUE}\s+(?P<at>\?)\s+.*\s:\s", "Elixir has no `a ? b : c`", "write `if(a, do: b, else: c)`"),
    *(
        _habit(
            rf"{before}(?P<x>[a-z_]\w*)(?P<at>->)(?P<y>[a-z_]\w*)",
            "a field is reached with a dot",
            r"write `\g<x>.\g<y>`; a reference needs no `->`",
            sure=bool(before),
        )
        for before in (r"[=(,+\-*/<>]\s*", "")
    ),
    _habit(
        r"\b(?P<at>else\s+if|elsif|elif)\b",
        r"Elixir has no `\g<at>`",
        "write a `cond do ... end` with one clause a case",
    ),
    _habit(
        r"\b(?:if|unless)\b.*\s(?P<at>then)\b",
        "Elixir has no `then` here",
        "write `if ... do`, or `if ..., do: ...`",
        sure=False,
    ),
    _habit(r"^\s*(?P<at>else\s+do)\b", "`else` has no `do` of its own", "write `else`"),
    _habit(r"^\s*(?P<at>else:)\s*$", "the `else` of a block has no colon", "write `else`"),
    _habit(
        r"(?P<at>,)\s*do\s*$",
        "no comma stands before the `do` of a block",
        "remove it, or write `, do: value` on one line",
    ),
    _habit(
        r"[^\s,(\[{]\s+(?P<at>do:)(?=\s)",
        "a comma stands before `do:`",
        "write `, do: value`, or `do` and `end`",
        sure=False,
    ),
    _habit(
        r"^\s*(?:if|unless|for|while|case|cond|defp?|defmodule|else)\b.*(?P<at>(?<!:)(?<!\bdo)(?<!\belse):)\s*$",
        "a block begins with `do`, and not with a colon",
        "write `do`, and `end` behind the block",
    ),
    _habit(
        r"\b(?P<at>(?P<w>if|unless)\s*\((?P<c>(?:(?!\bdo:)[^()]|\([^()]*\))*)\))\s+"
        r"(?P<then>(?!(?:do|and|or|in|not|when)\b)[A-Za-z_][^;{]*?)\s*;?\s*$",
        "a branch begins with `do`",
        r"write `\g<w> \g<c>, do: \g<then>`",
    ),
    _habit(
        r"\b(?P<n>0x[0-9A-Fa-f]+|[0-9]+)(?P<at>[uU]?[lL]{1,2}[uU]?|[uU])\b", "a number has no suffix", r"write `\g<n>`"
    ),
    _habit(r"\b(?P<at>0X)(?P<n>[0-9A-Fa-f]+)\b", "the `x` of a hexadecimal number is small", r"write `0x\g<n>`"),
    _habit(
        rf"(?<![\w?!])(?P<at>\(\s*{_TYPE}\s*\**\s*\))\s*[\w&*(]",
        "Elixir has no casts",
        "leave it out: a store takes as many bits as there are; `x &&& 0xFFFFFFFF` is the lower 32",
    ),
    _habit(
        r"^\s*(?P<at>\*)\s*(?P<x>\w+)\s*=(?!=)",
        "nothing is reached through `*`",
        "a field of an entry changes in place, `entry.field = value`; a number with `Honey.Map.add(:map, key, 1)`",
    ),
    _habit(
        r"[=(,+\-<>]\s*(?P<at>\*)(?P<x>[a-z_]\w*)",
        "nothing is reached through `*`",
        r"a value is read as `\g<x>`",
        sure=False,
    ),
    _habit(r"(?P<a>\w)\s?(?P<at>\.\.\.)\s?(?P<b>\w)", "a range has two dots", r"write `\g<a>..\g<b>`"),
    _habit(r"^\s*[^\s(\[{]+\s+->\s[^(\[{]*(?P<at>,)\s*$", "no comma stands between clauses", "remove it"),
    _habit(
        r"^\s*(?P<at>(?P<p>\d+|_|:\w+):)\s+\S", "a clause is written with `->`", r"write `\g<p> -> ...`", sure=False
    ),
    _habit(r"^\s*(?P<at>else)\s*->", "the last clause of a `cond` is `true`", "write `true -> ...`"),
    _habit(
        r"\b(?P<at>fn\s*\((?P<x>[^()]*)\)\s*\{)\s*(?P<y>[^{}]*?)\s*\}",
        "the body of a function does not stand between braces",
        r"write `fn \g<x> -> \g<y> end`",
    ),
    _habit(r"\bfn\b[^-{]*?(?P<at>=>)", "`=>` belongs to maps", "write `->`"),
    _habit(
        r"^\s*(?P<at>(?P<n>[a-z_]\w*):)\s+(?P<t>:\w+),?\s*$",
        "a keyword stands in a call or a list",
        r"for a field of a struct write `field(:\g<n>, \g<t>)`",
        sure=False,
    ),
    _habit(
        r"^\s*(?P<at>:(?P<t>\w+)\s+(?P<n>\w+));?\s*$",
        "two values stand side by side",
        r"for a field of a struct write `field(:\g<n>, :\g<t>)`",
    ),
    _habit(
        r"(?<![~\w])(?P<at>~)(?P<x>[a-z_]\w*(?:\.\w+)*)(?![\w\"'/|(\[{<])",
        "`~` starts a sigil",
        r"bitwise not is `~~~\g<x>`",
        sure=False,
    ),
    _habit(
        r"(?P<at>(?P<a>[-=|<!])\s+(?P<b>[>=]))",
        "there is a space inside an operator",
        r"write `\g<a>\g<b>`",
        sure=False,
    ),
    _habit(
        r"\b(?P<name>[a-z_]\w*[?!]?)(?P<at>\s+\()[^()]*,",
        r"a space stands between `\g<name>` and its arguments",
        r"write `\g<name>(...)`",
        sure=False,
    ),
    _habit(
        r"(?P<at>\b\w+\?\s*:|\w+:(?=[\w\"'\[{(:]))",
        "a keyword's colon is followed by a space",
        "write `name: value`",
        sure=False,
    ),
    _habit(
        r"(?<=[\w)\]])\s(?P<at>~)\s?\w",
        "`~` starts a sigil",
        "bitwise not is `~~~a`; exclusive or is `bxor(a, b)`",
        sure=False,
    ),
)


MACROS: dict[str, str] = {
    **dict.fromkeys(
        (f"PT_REGS_PARM{number}" for number in range(1, 7)), "write the parameter's name, as in `ctx.size`"
    ),
    "PT_REGS_RC": "write `ctx.ret`, in a kretprobe",
    "PT_REGS_RET": "write `ctx.ret`, in a kretprobe",
    **dict.fromkeys(("BPF_CORE_READ", "BPF_PROBE_READ"), "write `core_read(pointer, :type, [:field, :inner])`"),
    **dict.fromkeys(("BPF_CORE_READ_USER",), "write `core_read_user(pointer, :type, [:field, :inner])`"),
    "SEC": 'write `@sec "..."` on the line before a `def`',
    **dict.fromkeys(("BPF_KPROBE", "BPF_PROG", "BPF_KRETPROBE"), "write `def name(ctx) do`, and `ctx.argument`"),
    "ARRAY_SIZE": "write `length(list)`",
}
"""Macros of C and libbpf."""


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


def habit_in(line: str, *, sure: bool = False) -> Finding | None:
    """The first habit of another language in a line of source; with ``sure``, of those that are wrong anywhere."""
    blanked = blank_quotes(line)
    for habit in HABITS:
        if sure and not habit.sure:
            continue
        match = habit.pattern.search(blanked)
        if match is not None:
            start, end = match.span("at")
            return Finding(start, end, match.expand(habit.message), match.expand(habit.help))
    return None
