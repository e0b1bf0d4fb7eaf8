# SPDX-License-Identifier: Apache-2.0
"""C text line by line, each line with the Honey line it comes from.

Two texts are made of it: one with ``#line`` directives, so that compilers, the verifier and ``bpftool`` speak of
Honey lines, and one with the Honey line in a comment, for reading side by side.
"""

from __future__ import annotations

import re

from honey.records import dataclass, field, replace

INDENT = "\t"
WIDTH = 100
TAB = 4
"""Columns that a tab takes when a line's width is judged."""


@dataclass(frozen=True, slots=True)
class CLine:
    """One physical line; ``source`` is the Honey line that it must be booked under, 0 where it does not matter."""

    text: str
    source: int = 0


@dataclass(frozen=True, slots=True)
class CSource:
    """A C file as emitted; ``file`` is the Honey source's name as ``#line`` gives it."""

    file: str
    lines: tuple[CLine, ...]

    @property
    def text(self) -> str:
        """The text for the compiler: a ``#line`` wherever counting on from the line before would be wrong.

        A gap of one Honey line becomes an empty line instead, as it most often is one in the source as well.
        """
        out: list[str] = []
        counted = 0
        previous = ""
        for line in self.lines:
            if line.source and line.source != counted:
                if counted and line.source == counted + 1 and previous and not previous.endswith(("{", ")")):
                    out.append("")
                else:
                    out.append(_directive(line.source, "" if counted else self.file))
                counted = line.source
            out.append(line.text)
            counted += 1 if counted else 0
            previous = line.text
        return "\n".join(out) + "\n"

    @property
    def annotated(self) -> str:
        """The text without directives; where the Honey line changes, a comment at the end of the line tells it."""
        out: list[str] = []
        shown = 0
        for line in self.lines:
            new = line.source not in (0, shown)
            shown = line.source or shown
            out.append(f"{line.text} /* {self.file}:{line.source} */" if new else line.text)
        return "\n".join(out) + "\n"


def _directive(line: int, file: str) -> str:
    quoted = "".join(f"\\{ord(one):03o}" if one < " " or one in '\\"\x7f' else one for one in file)
    return f'#line {line} "{quoted}"' if file else f"#line {line}"


@dataclass(slots=True)
class Writer:
    """Collects lines; ``depth`` is the nesting of blocks, ``source`` the Honey line of what is being written."""

    lines: list[CLine] = field(default_factory=list)
    depth: int = 0
    source: int = 0

    def line(self, text: str, *, mapped: bool = True) -> None:
        """Add a line, broken where it is too wide; ``mapped``: it holds code of the current Honey line."""
        source = self.source if mapped else 0
        for number, part in enumerate(wrap(text, self.depth * TAB)):
            indent = self.depth + (0 if number == 0 else 2)
            self.lines.append(CLine(INDENT * indent + part if part else "", source if number == 0 else 0))

    def fits(self, text: str) -> bool:
        """Whether ``text`` is short enough for one line here."""
        return self.depth * TAB + len(text) <= WIDTH

    def blank(self) -> None:
        """Add an empty line, unless there is one already."""
        if self.lines and self.lines[-1].text:
            self.lines.append(CLine(""))

    def open(self, text: str) -> None:
        """Add a line that ends with ``{`` and begin its block."""
        self.line(text)
        self.depth += 1

    def close(self, text: str = "}") -> None:
        """End a block."""
        self.depth -= 1
        self.line(text, mapped=False)

    def without_braces(self, opened: int) -> bool:
        """Take the braces off a block that began at line ``opened`` and is a single line; whether it was one.

        The two lines become one where they come from the same Honey line.
        """
        head, *inside = self.lines[opened - 1 :]
        if len(inside) != 1 or not head.text.lstrip().startswith("if ("):
            return False
        (inner,) = inside
        short = head.text.removesuffix(" {")
        joined = f"{short} {inner.text.strip()}"
        one_line = inner.source in (0, head.source) and self.fits(joined.strip())
        self.lines[opened - 1 :] = [replace(head, text=joined)] if one_line else [replace(head, text=short), inner]
        return True

    def comment(self, text: str) -> None:
        """Add a comment of its own, in the kernel's style."""
        lines = [line.rstrip().replace("*/", "* /") for line in text.strip().splitlines()]
        if len(lines) == 1:
            self.line(f"/* {lines[0]} */", mapped=False)
        elif lines:
            indent = INDENT * self.depth
            body = [f"{indent} * {line}".rstrip() for line in lines]
            self.lines.extend(CLine(line) for line in [f"{indent}/*", *body, f"{indent} */"])


_OPERATOR = re.compile(r" ([-+*/%&|^?:<>=]|[=!<>]=) ")


def wrap(text: str, used: int) -> list[str]:
    """``text`` in pieces that fit into `WIDTH` columns of which ``used`` are gone, broken after commas and logical
    operators, or else after other ones.

    A piece that offers no place to break stays too wide; string literals are never broken.
    """
    if used + len(text) <= WIDTH:
        return [text]
    pieces: list[str] = []
    room = WIDTH - used
    rest = text
    while len(rest) > room:
        at = _break_point(rest, room)
        if at is None:
            break
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
        room = WIDTH - used - 2 * TAB
    return [*pieces, rest]


def _break_point(text: str, room: int) -> int | None:
    """Where a line may end within ``room`` (else the first place at all), outside of string literals.

    That is the last place behind a comma or a logical operator; failing that, one behind another operator, in as few
    brackets as there are.
    """
    best: int | None = None
    other: tuple[int, int] | None = None
    """Its brackets and, negated, where it is: the least of these is the best."""
    depth = 0
    quoted = escaped = False
    for at, char in enumerate(text):
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif text.startswith((", ", "&& ", "|| "), at):
            end = at + (1 if char == "," else 2)
            if end > room and (best is not None or other is not None):
                break
            best = end
        elif (found := _OPERATOR.match(text, at)) and found.end() <= room:
            other = min(other or (depth, 0), (depth, 1 - found.end()))
    if other is not None and (best is None or best > room):
        best = -other[1]
    return best if best is not None and best < len(text) - 1 else None
