# SPDX-License-Identifier: Apache-2.0
"""What each pass saves: counted on the simulator, held together in figures, shown in every form of the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_html import Page, resolve

from harness.ablation import ablation
from harness.benchmark import HONEY
from harness.build import find_compiler
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.report import words
from harness.report.model import PassDependence
from harness.report.store import load_report
from harness.variants import make_variants, side_of
from honey.passes import NAMES

ROOT = Path(__file__).resolve().parents[2]
NOTHING = frozenset(f"pass-{number}" for number in range(5))


def costs(full: float, a: float, b: float, both: float) -> dict[frozenset[str], dict[str, float]]:
    sets = {frozenset(): full, frozenset("a"): a, frozenset("b"): b, frozenset("ab"): both, NOTHING: 400.0}
    return {left_out: {"main": cost} for left_out, cost in sets.items()}


def test_savings_are_ratios_to_all_passes_the_largest_first() -> None:
    found = ablation("executed_insns_per_event", ("a", "b"), costs(100, 110, 150, 165), {"a": {"main": 360.0}})
    assert [one.name for one in found.savings] == ["b", "a"]
    assert [one.without for one in found.savings] == pytest.approx([1.5, 1.1])
    assert [one.alone for one in found.savings] == [None, pytest.approx(0.9)]
    assert found.none == pytest.approx(4.0)
    assert found.dependences == []  # 1.1 * 1.5 = 1.65: neither has to do with the other


@pytest.mark.parametrize(("both", "needs"), [(150, True), (190, False)])
def test_passes_that_depend_on_each_other_are_named(both: float, needs: bool) -> None:
    found = ablation("executed_insns_per_event", ("a", "b"), costs(100, 110, 150, both), {})
    (one,) = found.dependences
    assert (one.first, one.second, one.needs) == ("a", "b", needs)
    assert [one.together, one.apart] == pytest.approx([both / 100, 1.65])
    said = words.dependence(PassDependence(passes=("a", "b"), needs=needs, together=1.0, apart=1.0))
    assert ("need each other" in said) == needs


def test_a_set_that_could_not_be_counted_leaves_a_gap_and_no_error() -> None:
    found = ablation("executed_insns_per_event", ("a", "b"), {frozenset(): {"main": 1.0}, frozenset("a"): {}}, {})
    assert [one.without for one in found.savings] == [None, None]
    assert found.none is None


def test_variants_that_come_to_the_same_c_are_compiled_once(tmp_path: Path) -> None:
    made = make_variants(
        ROOT / "honey/ports/force_kill.ex",
        tmp_path,
        clang=find_compiler().path,
        checkout=Checkout(ROOT),
        cancellation=Cancellation(),
    )
    assert made.passes
    assert not set(made.passes) & set(made.idle)
    assert all(made.objects[frozenset((name,))] for name in made.passes)
    objects = {*made.objects.values(), *made.alone.values()}
    assert objects == set(tmp_path.glob("*.bpf.o"))
    assert len({side_of(one) for one in made.objects}) == len(made.objects)
    assert side_of(frozenset()) == HONEY


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a simulated run with ablation on a pair that few passes have to do with."""
    folder = tmp_path_factory.mktemp("ablation")
    command = [sys.executable, "-m", "harness.cli", "run", "traffic_count", "--target", "sim", "--ablation", "-q"]
    done = subprocess.run(
        [*command, "--reports", str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "latest"


def test_the_report_says_what_each_pass_saves(run: Path) -> None:
    (benchmark,) = load_report(run).benchmarks
    assert benchmark.ablation is not None
    (executed,) = benchmark.ablation.metrics
    assert executed.metric == "executed_insns_per_event"
    assert executed.handlers.keys() == benchmark.programs.keys()
    assert executed.none is not None
    assert 0.5 < executed.none < 4
    assert executed.passes
    assert all(one.without is not None and one.alone is not None for one in executed.passes)
    assert any(one.without != 1 or one.alone != 1 for one in executed.passes)
    assert {one.name for one in executed.passes} | set(benchmark.ablation.idle) == set(NAMES)


def test_the_forms_show_it_with_the_numbers_of_the_json(run: Path) -> None:
    text = (run / "report.md").read_text(encoding="utf-8")
    assert "### What each pass saves: eBPF insns / event" in text
    page = Page()
    page.feed((run / "report.html").read_text(encoding="utf-8"))
    document = json.loads((run / "report.json").read_bytes())
    shown = [(pointer, number) for pointer, number in page.traced if "/ablation/" in pointer]
    assert len(shown) >= 6
    for pointer, number in shown:
        assert float(number) == pytest.approx(resolve(document, pointer), abs=0.0051), pointer
