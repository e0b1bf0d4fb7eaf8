# SPDX-License-Identifier: Apache-2.0
"""Benchmark files: what is accepted, and what a person is told about a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchmark_file import find_benchmarks, load_benchmark
from harness.checkout import Checkout, find_checkout
from harness.errors import BenchmarkError, HarnessError

GOOD = """
schema = 1
name = "pair"
[sides]
honey = { source = "honey/ports/pair.ex" }
c = { source = "reference_c/pair/pair.bpf.c" }
[workload]
name = "network"
[maps.flows]
scope = "pid"
[maps.flows.volatile]
last_ns = { rule = "timestamp", tolerance_ns = 1000 }
"""


def load(folder: Path, text: str) -> str:
    """The message about ``text``; "" where there is nothing to say."""
    path = folder / "pair.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load_benchmark(path, shown="benchmarks/pair.toml")
    except BenchmarkError as error:
        return str(error)
    return ""


def test_a_good_file_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "schema: 2 is not possible; write 1"),
        ('name = "pair"', 'name = "other"', "name: is 'other' in a file called pair.toml; write \"pair\""),
        ('name = "network"', "", 'workload.name: is missing; write name = "network"'),
        ("scope =", "scop =", "maps.flows.scop: is not known here; did you mean scope?"),
        ('"timestamp"', '"timestmp"', "maps.flows.volatile.last_ns: 'timestmp' is not possible; write 'timestamp'"),
        ("tolerance_ns = 1000", "tolerance_ns = -1", "tolerance_ns: should be greater than 0, but it is -1"),
        ("{ rule =", "[] # {", "maps.flows.volatile.last_ns: must be a table, but it is []"),
        ('{ source = "honey/ports/pair.ex" }', "{}", "sides.honey: write either source ="),
        ('scope = "pid"', "compare = false", "maps.flows: compare = false needs a reason"),
        ('scope = "pid"', 'foreign = { map = "x", sum = ["b"] }', "'x' must be a map with a scope under [maps.x]"),
        ('scope = "pid"', 'label = "{pid:ip4}"', "there is no format 'ip4' for {pid}"),
        ("[workload]", "[workload", "is not valid TOML"),
        ('name = "network"', 'name = "netwrk"', "workload.name: there is no workload 'netwrk'; choose one of files, "),
        (
            "[sides]",
            'oracle = "delphi"\n[sides]',
            "oracle: there is no oracle 'delphi'; choose one of ",
        ),
        ("[maps.flows]", '[[budgets]]\nmetric = "xlated"\n[maps.flows]', "budgets[0].metric: 'xlated' is not possible"),
        (
            "[maps.flows]",
            '[[budgets]]\nmetric = "stack_bytes"\nratio = 1\n[maps.flows]',
            "stack_bytes is had per handler: write geomean, worst or worst_below",
        ),
        (
            "[maps.flows]",
            '[[budgets]]\nmetric = "stack_bytes"\nagainst = "tuned"\nworst = 1\n[maps.flows]',
            "budgets[0].against: no side is called 'tuned'; there are honey, c",
        ),
    ],
)
def test_a_mistake_is_named_with_file_place_and_what_to_write(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    said = load(tmp_path, GOOD.replace(old, new))
    assert said.startswith("benchmarks/pair.toml: ")
    assert message in said


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    said = load(tmp_path, GOOD.replace("schema = 1", "schema = 2").replace("scope", "scop"))
    assert len(said.splitlines()) == 2


def test_a_name_that_is_not_there_gets_the_one_that_was_meant() -> None:
    checkout = find_checkout(Path(__file__).parent)
    with pytest.raises(HarnessError, match="did you mean network_monitor"):
        find_benchmarks(checkout, ["network_monitr"])


def test_a_checkout_without_benchmarks_says_so(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    with pytest.raises(HarnessError, match="no benchmarks"):
        find_benchmarks(Checkout(tmp_path), [])


def test_every_benchmark_of_the_project_is_valid() -> None:
    checkout = find_checkout(Path(__file__).parent)
    names = {benchmark.name for benchmark in find_benchmarks(checkout, [])}
    assert names == {path.stem for path in checkout.benchmarks.glob("*.toml")}
