# SPDX-License-Identifier: Apache-2.0
"""The catalogue of codes: complete, and each of its examples says the truth."""

from __future__ import annotations

import re

import pytest
from fuzzing import ROOT

from honey.compiler import check
from honey.diagnostics.catalogue import Entry, catalogue, module_of
from honey.syntax.source import SourceFile

ENTRIES = list(catalogue().values())
WITH_EXAMPLES = [entry for entry in ENTRIES if entry.wrong is not None]
_CODE = re.compile(r"\bHNY\d{4}\b")


def codes_of(example: str) -> set[str]:
    return {diagnostic.code for diagnostic in check(SourceFile.from_text(module_of(example))).diagnostics}


def test_every_code_that_the_compiler_uses_is_in_the_catalogue() -> None:
    used = set()
    for path in (ROOT / "honey").rglob("*.py"):
        if "commands" not in path.parts and "diagnostics" not in path.parts:
            used |= set(_CODE.findall(path.read_text(encoding="utf-8")))
    assert used, "no code found: has the way to write them changed?"
    assert used - catalogue().keys() == set()


def test_every_code_of_the_catalogue_is_used() -> None:
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "honey").rglob("*.py")
        if "commands" not in path.parts and "diagnostics" not in path.parts
    )
    assert catalogue().keys() - set(_CODE.findall(text)) == set()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_an_entry_is_well_written(entry: Entry) -> None:
    assert entry.title
    assert not entry.title.endswith(".")
    assert entry.title[0] == entry.title[0].lower() or entry.title.split()[0].isupper() or "Elixir" in entry.title
    assert entry.reason.endswith((".", "`", ")"))
    assert all(len(line) <= 120 for line in entry.reason.split("\n"))


@pytest.mark.parametrize("entry", WITH_EXAMPLES, ids=lambda entry: entry.code)
def test_the_wrong_example_yields_its_code_and_no_other(entry: Entry) -> None:
    assert entry.wrong is not None
    assert codes_of(entry.wrong) == {entry.code}


@pytest.mark.parametrize("entry", WITH_EXAMPLES, ids=lambda entry: entry.code)
def test_the_corrected_example_is_accepted_without_a_word(entry: Entry) -> None:
    assert entry.right is not None
    assert codes_of(entry.right) == set()


@pytest.mark.parametrize("entry", WITH_EXAMPLES, ids=lambda entry: entry.code)
def test_the_wrong_example_is_reported_with_its_severity(entry: Entry) -> None:
    assert entry.wrong is not None
    found = check(SourceFile.from_text(module_of(entry.wrong))).diagnostics
    assert {diagnostic.severity for diagnostic in found} == {entry.severity}
