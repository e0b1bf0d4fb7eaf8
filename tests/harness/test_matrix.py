# SPDX-License-Identifier: Apache-2.0
"""Many runs as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_reports import benchmark_report

from harness.errors import HarnessError
from harness.matrix import at_once, cells
from harness.report.cells import compiler_notes, rows
from harness.report.html import html
from harness.report.markdown import markdown
from harness.report.model import BenchmarkReport, Figures, Report
from harness.report.store import load_report


def test_cells_are_all_combinations() -> None:
    found = cells(["kernels=5.10,6.1", "compilers=clang-14,clang-16"])
    assert [cell.name for cell in found] == ["5.10 clang-14", "5.10 clang-16", "6.1 clang-14", "6.1 clang-16"]
    assert found[1].options == ["--kernel", "5.10", "--compiler", "clang-16"]


def test_a_kernel_at_a_path_goes_by_its_files_name() -> None:
    one, other = cells(["kernels=/a/bzImage,/b/bzImage"])
    assert one.name == other.name == "bzImage"
    assert one.options == ["--kernel", "/a/bzImage"]
    assert one.folder != other.folder


def test_shards_are_disjoint_and_together_everything() -> None:
    axes = ["seeds=1,2,3,4,5,6,7"]
    parts = [cells(axes, f"{number}/3") for number in (1, 2, 3)]
    assert sorted(cell.name for part in parts for cell in part) == [str(number) for number in range(1, 8)]


@pytest.mark.parametrize(
    ("axes", "shard", "words"),
    [(["kernel=6.1"], "", "no axis"), (["kernels="], "", "no axis"), (["seeds=1"], "3/2", "no shard")],
)
def test_what_is_no_axis_or_shard_is_refused(axes: list[str], shard: str, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        cells(axes, shard)


ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Report]:
    """A simulated matrix of a compiler that is here and one that is not, run twice."""
    folder = tmp_path_factory.mktemp("matrix")
    command = [sys.executable, "-m", "harness.cli", "run", "drop_udp", "--target", "sim", "--reports", str(folder)]
    copy = folder / "for" / "others.json"
    command += ["--matrix", "compilers=clang,no-such-clang", "seeds=1,2", "--json", str(copy)]
    found = []
    for _ in range(2):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 2, done.stdout + done.stderr
        found.append(load_report(folder / "latest"))
        assert load_report(copy) == found[-1]
    return found[0], found[1]


def test_a_cell_that_cannot_run_does_not_keep_the_others_from_it(two_runs: tuple[Report, Report]) -> None:
    by_name = {row.name: row for row in rows(two_runs[0])}
    assert {name: row.verdict for name, row in by_name.items()} == {
        "clang 1": "holds",
        "clang 2": "holds",
        "no-such-clang 1": "no result",
        "no-such-clang 2": "no result",
    }
    assert by_name["clang 2"].parity
    assert "no compiler 'no-such-clang' here" in by_name["no-such-clang 1"].why
    assert two_runs[0].error is not None
    assert "2 of 4 cells could not run" in two_runs[0].error.message


def test_a_matrix_says_how_long_it_took(two_runs: tuple[Report, Report]) -> None:
    assert two_runs[0].timings["total"] > 0


def test_a_second_run_says_what_changed(two_runs: tuple[Report, Report]) -> None:
    first, second = ({row.name: row.changed for row in rows(report)} for report in two_runs)
    assert first["clang 1"] == "first run"
    assert second["clang 1"] == "nothing"


def test_every_form_of_the_report_shows_the_cells(two_runs: tuple[Report, Report]) -> None:
    text = markdown(two_runs[1])
    assert "| clang 2 | ✅ holds |" in text
    (row,) = [one for one in rows(two_runs[1]) if one.name == "clang 2"]
    executed, _, no_time = row.costs
    assert executed is not None
    assert no_time is None
    assert f"| {executed:.2f} |" in next(line for line in text.splitlines() if line.startswith("| clang 2 |"))
    assert "no compiler &#39;no-such-clang&#39; here" in html(two_runs[1])


def part(compiler: str, honey: int, c: int) -> BenchmarkReport:
    """A benchmark's part with counts of instructions."""
    return benchmark_report(
        kernel="6.1",
        compiler=compiler,
        programs={"handle": {"honey": Figures(object_insns=honey), "c": Figures(object_insns=c)}},
    )


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ((90, 110), []),
        ((90, 100), ["of C as well, but not to the same extent: honey / c is 0.82 with clang 14, 0.90 with clang 19"]),
        ((99, 121), ["of C as well: this is not Honey's doing"]),
        ((100, 110), ["of what Honey emits, but not of C"]),
        ((80, 110), ["of what Honey emits, but not of C"]),
    ],
)
def test_compilers_that_differ_are_told_apart_from_honey(second: tuple[int, int], words: list[str]) -> None:
    notes = compiler_notes([part("clang 14", 90, 110), part("clang 19", *second)])
    assert len(notes) == len(words)
    for note, expected in zip(notes, words, strict=True):
        assert expected in note
        assert "with clang 19" in note


@pytest.mark.parametrize(("cpus", "guests", "cells_"), [(1, 2, 1), (2, 2, 2), (2, 1, 2), (4, 2, 2), (4, 1, 4)])
def test_as_many_cells_run_as_there_are_processors_for(
    cpus: int, guests: int, cells_: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cpus)))
    monkeypatch.setattr(Path, "read_text", lambda _self, **_named: "MemAvailable: 33554432 kB\n")
    assert at_once(guests) == cells_


def test_little_memory_means_one_cell_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _self, **_named: "MemAvailable: 2097152 kB\n")
    assert at_once(2) == 1
