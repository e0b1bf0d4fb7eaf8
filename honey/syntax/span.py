# SPDX-License-Identifier: Apache-2.0
"""Where something stands in a source text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: byte offsets (end exclusive), lines and columns from 1 (columns count characters)."""

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of ``other``."""
        return Span(self.start, other.end, self.line, self.column, other.end_line, other.end_column)
