# SPDX-License-Identifier: Apache-2.0
"""The pair lint: an unfair pair is named, a declared difference passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from clang_objects import clang_object
from made_benchmarks import benchmark_of

from harness.benchmark import Benchmark
from harness.handlers import handlers
from harness.lint import lint
from harness.objects import BpfObject, read_object

SOURCE = Path(__file__).with_name("data") / "flows.bpf.c"


def benchmark(differences: list[dict[str, str]]) -> Benchmark:
    return benchmark_of(differences=differences)


def lint_against(flows: BpfObject, folder: Path, old: str, new: str, *declared: str) -> list[str]:
    """What the lint says when the Honey side has ``new`` where C has ``old``."""
    text = SOURCE.read_text(encoding="utf-8")
    assert old in text
    source = folder / "other.bpf.c"
    source.write_text(text.replace(old, new, 1), encoding="utf-8")
    objects = {"honey": read_object(clang_object(source, folder / "other.bpf.o")), "c": flows}
    pair = benchmark([{"what": what, "reason": "on purpose"} for what in declared])
    return [unfair.text for unfair in lint(pair, objects, handlers(pair, objects))]


def test_a_fair_pair_has_nothing_to_say(flows: BpfObject) -> None:
    pair = benchmark([])
    objects = {"honey": flows, "c": flows}
    assert lint(pair, objects, handlers(pair, objects)) == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "sys_enter_sendto",
            "sys_exit_sendto",
            "handlers.on_sendto.section is tracepoint/syscalls/sys_exit_sendto in honey, "
            "tracepoint/syscalls/sys_enter_sendto in c",
        ),
        ("int on_sendto", "int on_send", "handlers.on_sendto: honey has no program on_sendto"),
        ("max_entries, 4", "max_entries, 5", "maps.flows.max_entries is 5 in honey, 4 in c"),
        ("u32 ip;", "u32 ip, more;", "maps.flows.key_size is 16 in honey, 12 in c"),
        ("slots SEC", "places SEC", "maps.slots: honey has no such map"),
        ("__uint(type, 1)", "__uint(type, 9)", "maps.flows.type is lru_hash in honey, hash in c"),
    ],
)
def test_a_difference_in_shape_is_named(flows: BpfObject, tmp_path: Path, old: str, new: str, text: str) -> None:
    assert text in lint_against(flows, tmp_path, old, new)


def test_a_side_that_prints_is_unfair(flows: BpfObject, tmp_path: Path) -> None:
    said = lint_against(
        flows,
        tmp_path,
        "\treturn 0;",
        '\tstatic long (*print)(const char *, u32, ...) = (void *)6;\n\tprint("x", 2);\n\treturn 0;',
    )
    assert said == ["handlers.on_sendto.prints: calls that print are 1 in honey, 0 in c"]


def test_a_declared_difference_passes_and_a_stale_declaration_does_not(flows: BpfObject, tmp_path: Path) -> None:
    change = ("max_entries, 4", "max_entries, 5")
    assert lint_against(flows, tmp_path, *change, "maps.flows.max_entries") == []
    (said,) = lint_against(flows, tmp_path, *change, "maps.flows.max_entries", "maps.totals.type")
    assert "maps.totals.type is not there" in said
