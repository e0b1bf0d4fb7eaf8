# SPDX-License-Identifier: Apache-2.0
"""Tables that are wider than the terminal."""

from __future__ import annotations

import io

import pytest
from made_reports import benchmark_report, report_of
from rich.console import Console
from rich.text import Text

from harness.report.model import Cell, Figures, Side
from harness.report.terminal import show
from harness.report.wide_table import Column, tables

NAMES = [f"a_pair_with_a_rather_long_name_{number}" for number in range(3)]
COLUMNS = {f"guest insns {number} / event": [f"{number}.{row}5" for row in range(3)] for number in range(8)}


def shown(width: int) -> list[str]:
    first = Column("pair", [Text(name) for name in NAMES], right=False)
    columns = [Column(name, [Text(cell) for cell in cells]) for name, cells in COLUMNS.items()]
    stream = io.StringIO()
    Console(file=stream, width=width).print(*tables("Title", first, columns, width))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 50, 80, 120, 160, 300])
def test_a_table_shows_every_figure_at_every_width(width: int) -> None:
    lines = shown(width)
    assert all(len(line) <= width for line in lines)
    words = " ".join(lines).split()
    assert "…" not in "".join(lines)
    for cells in COLUMNS.values():
        assert all(words.count(cell) == 1 for cell in cells)
    assert sum("Title" in line for line in lines) == 1


def test_a_table_that_fits_is_one() -> None:
    assert sum("pair" in line for line in shown(300)) == 1 + len(NAMES)  # its head, and the rows
    assert [line.split()[0] for line in shown(300) if "_0" in line] == [NAMES[0]]


def test_each_part_of_a_table_says_which_row_is_which() -> None:
    rows = [line.split() for line in shown(80) if NAMES[1] in line]
    assert len(rows) > 1
    assert [cell for row in rows for cell in row[1:]] == [cells[1] for cells in COLUMNS.values()]


def side(name: str) -> Side:
    return Side(source=name, command="", compile_s=None, source_lines=None, emitted_lines=None, maps=0, map_bytes=0)


def test_a_report_of_many_cells_can_be_read_in_a_narrow_terminal() -> None:
    programs = [f"a_handler_with_a_long_name_{number}" for number in range(4)]
    figures = {"honey": Figures(object_insns=11111), "c": Figures(object_insns=22222)}
    sides = {name: side(name) for name in figures}
    parts = [
        benchmark_report(
            kernel="6.12.117+deb13-amd64",
            compiler=f"clang {number}",
            programs=dict.fromkeys(programs, figures),
            sides=sides,
        )
        for number in (14, 16)
    ]
    cells = [
        Cell(name=f"6.12.117+deb13-amd64 clang-{number}", status=0, first=index, count=1, error=None)
        for index, number in enumerate((14, 16))
    ]
    stream = io.StringIO()
    show(report_of(*parts).model_copy(update={"cells": cells}), Console(file=stream, width=80))
    text = stream.getvalue()
    assert "…" not in text
    assert text.count("11111 / 22222") == len(parts) * len(programs)
    assert all(name in text for name in (*programs, *(cell.name for cell in cells)))
