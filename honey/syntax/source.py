# SPDX-License-Identifier: Apache-2.0
"""Source files and positions in them."""

from __future__ import annotations

from bisect import bisect_right

from honey.records import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one source file.

    `start` and `end` are byte offsets, `end` exclusive. Lines and columns count from 1; a column counts characters
    (code points), as editors do. `end_column` is the column just after the last character.
    """

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The stretch from the start of this span to the end of `other`."""
        return Span(self.start, other.end, self.line, self.column, other.end_line, other.end_column)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source text and the name that messages and `#line` show for it (never made absolute here)."""

    name: str
    data: bytes
    _line_starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _ascii: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0]
        at = self.data.find(b"\n")
        while at != -1:
            starts.append(at + 1)
            at = self.data.find(b"\n", at + 1)
        object.__setattr__(self, "_line_starts", tuple(starts))
        object.__setattr__(self, "_ascii", self.data.isascii())

    @classmethod
    def from_text(cls, text: str, name: str = "nofile.ex") -> SourceFile:
        """A source file from a string, for tests and interactive use."""
        return cls(name, text.encode())

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line end; bytes that are not UTF-8 show as U+FFFD."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] if number < len(self._line_starts) else len(self.data)
        return self.data[start:end].decode(errors="replace").rstrip("\r\n")

    def line_start(self, number: int) -> int:
        """The offset at which line `number` (from 1) begins."""
        return self._line_starts[number - 1]

    def line_span(self, number: int) -> Span:
        """The span of what is written in line `number` (from 1)."""
        start, text = self._line_starts[number - 1], self.line(number)
        inner = text.strip()
        before = len(text[: len(text) - len(text.lstrip())].encode())
        return self.span(start + before, start + before + len(inner.encode(errors="replace")))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (both from 1) of a byte offset."""
        line = bisect_right(self._line_starts, offset)
        start = self._line_starts[line - 1]
        column = offset - start if self._ascii else len(self.data[start:offset].decode(errors="replace"))
        return line, column + 1

    def span(self, start: int, end: int) -> Span:
        """The span between two byte offsets."""
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        return Span(start, end, line, column, end_line, end_column)

    def text(self, span: Span) -> str:
        """The source text that a span covers."""
        return self.data[span.start : span.end].decode(errors="replace")
