# SPDX-License-Identifier: Apache-2.0
"""Honey's parser against Elixir's own: what Honey reads, Elixir reads the same way."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from elixir_parser import ELIXIR, elixir_forms, form
from fuzzing import all_tokens, chance, examples, layouts, mutated, programs, snippets, sources, tokens_of

from honey.syntax.parse import parse
from honey.syntax.source import SourceFile

pytestmark = pytest.mark.skipif(ELIXIR is None, reason="elixir is not installed: nothing to compare the parser with")

# Elixir reads these; Honey has no meaning for them, and says so.
REFUSED = {
    ".. ": "HNY0009",
    "x = ..": "HNY0009",
    "%a.b{}": "HNY0007",
    "%{a}": "HNY0013",
    "%{a, b}": "HNY0013",
    "%{a <- b => c}": "HNY0013",
    "%{f a => b}": "HNY0013",
    "%{a | b}": "HNY0013",
    '["a#{b}": 1]': "HNY0014",
    "<<a::8, a: 1>>": "HNY0007",
    "@a 1, 2": "HNY0014",
    "^f(a)": "HNY0014",
    '"#{a; b}"': "HNY0007",
    "日本 = 1": "HNY0007",
    "@1": "HNY0014",
    "@A": "HNY0014",
    "@@a": "HNY0014",
    '@"a"': "HNY0014",
    "f()()": "HNY0014",
    "f(1)(2)": "HNY0014",
    "f()() do end": "HNY0014",
    "a.b()()": "HNY0014",
    "f(a) (b)": "HNY0007",
}


def honey_form(text: str) -> str:
    """`ok FORM` or `error CODES`, as `elixir_forms` gives it for Elixir."""
    file, diagnostics = parse(SourceFile.from_text(text))
    if diagnostics:
        return "error " + " ".join(diagnostic.code for diagnostic in diagnostics)
    return "ok " + form(file)


def differences(texts: list[str]) -> tuple[list[str], list[str]]:
    """Sources that Honey reads, and Elixir not or in another way; and those that only Elixir reads."""
    wrong, refused = [], []
    for text, theirs in zip(texts, elixir_forms([text.encode() for text in texts]), strict=True):
        ours = honey_form(text)
        if ours.startswith("ok") and ours != theirs:
            wrong.append(f"{text!r}\n  Elixir: {theirs}\n  Honey:  {ours}")
        elif theirs.startswith("ok") and not ours.startswith("ok"):
            refused.append(text)
    return wrong, refused


def test_every_construct_is_read_as_elixir_reads_it() -> None:
    wrong, refused = differences(snippets())
    assert not wrong, "\n".join(wrong)
    assert {text: honey_form(text).split()[1] for text in refused} == REFUSED


def test_expressions_over_several_lines_are_read_as_elixir_reads_them() -> None:
    lines = snippets()
    texts = ["\n".join(lines[at : at + size]) for size in (2, 3, 5) for at in range(len(lines) - size)]
    wrong, _ = differences(texts)
    assert not wrong, "\n".join(wrong[:10])


def test_lines_that_begin_with_what_could_go_on_are_read_as_elixir_reads_them() -> None:
    wrong, refused = differences(layouts())
    assert not wrong, "\n".join(wrong)
    assert not refused


def test_programs_of_the_tests_are_read_as_elixir_reads_them() -> None:
    wrong, refused = differences(programs())
    assert not wrong, "\n".join(wrong)
    assert {code for text in refused for code in honey_form(text).split()[1:]} == {"HNY0011"}


def test_mutated_programs_are_read_as_elixir_reads_them() -> None:
    random, texts = chance(), programs()
    tokens = [token for text in texts for token in tokens_of(text)]
    count = examples(500)
    wrong, _ = differences([mutated(random.choice(texts), random, tokens) for _ in range(count)])
    # One in some thousands is left: `end + 1 -> n` among the clauses of a `case`, for one.
    assert len(wrong) <= count // 1000, "\n".join(wrong[:10])


@pytest.mark.parametrize("text", ["f(1) do a()endx", "if a do f(1)endend", "fn -> f(1)end1", "if a do@b end"])
def test_a_reserved_word_ends_where_elixir_sees_its_end(text: str) -> None:
    assert differences([text]) == ([], [])


def test_mutated_sources_are_not_read_where_elixir_refuses_them() -> None:
    count = examples(2000)
    random = chance()
    tokens, lines = all_tokens(), snippets()
    texts = []
    for _ in range(count):
        at = random.randrange(len(lines))
        texts.append(mutated("\n".join(lines[at : at + random.choice((1, 1, 2, 3))]), random, tokens))
    wrong, _ = differences(texts)
    # What is left are oddities such as `; ;` between two clauses; see `honey.syntax.convert.refusals`.
    assert len(wrong) <= count / 1000, "\n".join(wrong[:10])


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_a_source_of_the_project_is_read_as_elixir_reads_it(path: Path) -> None:
    wrong, refused = differences([path.read_text(encoding="utf-8")])
    assert not wrong, wrong[0]
    assert not refused


@pytest.mark.skipif(shutil.which("mix") is None, reason="mix is not installed: the sources' format is not checked")
def test_mix_format_leaves_the_sources_unchanged(tmp_path: Path) -> None:
    (tmp_path / ".formatter.exs").write_text('[inputs: ["*.ex"]]\n', encoding="utf-8")
    originals = {}
    for number, path in enumerate(sources()):
        copy = tmp_path / f"{number:03}_{path.name}"
        copy.write_bytes(path.read_bytes())
        originals[copy] = path
    environment = {**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["mix", "format"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    changes = "".join(
        "".join(
            difflib.unified_diff(
                original.read_text(encoding="utf-8").splitlines(keepends=True),
                copy.read_text(encoding="utf-8").splitlines(keepends=True),
                original.name,
                "after mix format",
            )
        )
        for copy, original in originals.items()
    )
    assert not changes, changes
