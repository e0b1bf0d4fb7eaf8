# SPDX-License-Identifier: Apache-2.0
"""Tables for a terminal that may be too narrow for them: what does not fit beside each other goes below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

#: Of a column of words, what it is not made narrower than, and of the first column the share of the width it may take.
_WORDS, _FIRST = 24, 0.4
#: What the box and the padding take: of each column, and of the whole.
_EACH, _WHOLE = 3, 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, which may be broken between words, and its cells, a row each.

    ``words`` says that the cells may be broken as well.
    """

    name: str
    cells: Sequence[Text]
    right: bool = True
    words: bool = False

    @property
    def full(self) -> int:
        """The width in which nothing is broken."""
        return max(cell_len(self.name), *(cell.cell_len for cell in self.cells), 0)

    @property
    def least(self) -> int:
        """The width in which no word of the name and, but for words, no cell is broken."""
        longest = max(cell_len(word) for word in self.name.split() or [""])
        cells = max((cell.cell_len for cell in self.cells), default=0)
        return max(longest, min(cells, _WORDS) if self.words else cells)


def tables(title: str, first: Column, columns: Sequence[Column], width: int, *, last: bool = False) -> Iterator[Table]:
    """One table where ``width`` has room for it, else several, each with the ``first`` column and some of the others.

    ``last`` sets the last row apart, as a total.
    """
    if _taken(first.full, [column.full for column in columns]) <= width:
        yield _table(title, first, first.full, [(column, column.full) for column in columns], last=last)
        return
    lead = min(first.full, max(int(width * _FIRST), 1))
    for number, part in enumerate(_parts(lead, columns, width)):
        widths = [column.least for column in part]
        room = max(width - _taken(lead, widths), 0)
        fitted = []
        for column, least in zip(part, widths, strict=True):
            more = min(column.full - least, room)
            room -= more
            fitted.append((column, least + more))
        yield _table(title if number == 0 else "", first, lead, fitted, last=last)


def _parts(lead: int, columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    part: list[Column] = []
    for column in columns:
        if part and _taken(lead, [one.least for one in (*part, column)]) > width:
            yield part
            part = []
        part.append(column)
    yield part


def _taken(lead: int, widths: Sequence[int]) -> int:
    return lead + sum(widths) + _EACH * (len(widths) + 1) + _WHOLE


def _table(title: str, first: Column, lead: int, columns: Sequence[tuple[Column, int]], *, last: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="")
    for column, width in ((first, lead), *columns):
        table.add_column(Text(column.name), justify="right" if column.right else "left", width=width, overflow="fold")
    rows = list(zip(first.cells, *(column.cells for column, _ in columns), strict=True))
    for number, row in enumerate(rows):
        if last and number == len(rows) - 1:
            table.add_section()
        table.add_row(*row)
    return table
