# SPDX-License-Identifier: Apache-2.0
"""Compile times that limits are held against: taken with care, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchmark import HONEY, C
from harness.benchmark_file import find_benchmarks
from harness.build import find_compiler
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.errors import RunError
from harness.prepare import prepare
from harness.report.assemble import LEAST_ROUNDS, side_figures
from harness.report.model import Side

ROOT = Path(__file__).resolve().parents[2]


def side(rounds: int) -> Side:
    return Side(
        source="x",
        command="x",
        compile_s=0.5,
        compile_rounds=rounds,
        source_lines=1,
        emitted_lines=1,
        maps=0,
        map_bytes=0,
    )


def test_a_single_compilation_gives_no_figure_for_a_limit() -> None:
    found = side_figures({HONEY: side(LEAST_ROUNDS), C: side(1)})
    assert found[HONEY]["compile_s"] == 0.5
    assert found[C]["compile_s"] is None
    assert found[C]["source_lines"] == 1


def test_all_sides_are_compiled_again_and_the_objects_stay(tmp_path: Path) -> None:
    checkout = Checkout(ROOT)
    benchmarks = find_benchmarks(checkout, ["hello_world"])
    prepared = prepare(benchmarks, checkout, tmp_path / "objects", find_compiler(), Cancellation(), compile_rounds=2)
    (pair,) = prepared.pairs
    for name, built in pair.sides.items():
        assert built.rounds == 2
        assert built.seconds > 0
        assert built.object == tmp_path / "objects" / "hello_world" / f"{name}.bpf.o"
        assert built.object.read_bytes() == (tmp_path / "timed" / "hello_world" / f"{name}.bpf.o").read_bytes()


def test_nothing_more_is_compiled_once_the_run_was_interrupted(tmp_path: Path) -> None:
    checkout, cancellation = Checkout(ROOT), Cancellation()
    with pytest.raises(KeyboardInterrupt), cancellation:
        raise KeyboardInterrupt
    benchmarks = find_benchmarks(checkout, ["hello_world"])
    with pytest.raises(RunError, match="the run ended"):
        prepare(benchmarks, checkout, tmp_path / "objects", find_compiler(), cancellation, compile_rounds=100)
    assert not list(tmp_path.rglob("*.o"))
