# SPDX-License-Identifier: Apache-2.0
"""Figures of a page come from a run, between its marks, and nothing else of the page changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_reports import benchmark_report, report_of

from harness.errors import HarnessError
from harness.report.model import Cell, Report
from harness.report.readme import put_figures


@pytest.fixture
def report() -> Report:
    """Two pairs without figures."""
    return report_of(*(benchmark_report(name=name) for name in ("one", "two")))


def test_figures_are_replaced_between_the_marks(tmp_path: Path, report: Report) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- figures: begin (x) -->\nold\n<!-- figures: end -->\nafter\n")
    put_figures(page, report)
    put_figures(page, report)
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n<!-- figures: begin (x) -->\n")
    assert text.endswith("<!-- figures: end -->\nafter\n")
    for benchmark in report.benchmarks:
        assert text.count(f"| `{benchmark.name}` |") == 1


def test_a_page_without_marks_is_left_alone(tmp_path: Path, report: Report) -> None:
    page = tmp_path / "README.md"
    page.write_text("nothing here\n")
    with pytest.raises(HarnessError, match="no marks"):
        put_figures(page, report)
    assert page.read_text() == "nothing here\n"


def test_the_figures_of_a_matrix_are_refused(tmp_path: Path, report: Report) -> None:
    page = tmp_path / "README.md"
    page.write_text("<!-- figures: begin -->\nold\n<!-- figures: end -->\n")
    matrix = report.model_copy(update={"cells": [Cell(name="6.1", status=0, first=0, count=2)]})
    with pytest.raises(HarnessError, match="not of a matrix"):
        put_figures(page, matrix)
    assert "old" in page.read_text()
