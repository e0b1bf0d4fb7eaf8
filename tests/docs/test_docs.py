# SPDX-License-Identifier: Apache-2.0
"""What the documentation shows is what happens: its Honey compiles, its Python runs, its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from honey import compiler
from honey.syntax.source import SourceFile

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def modules(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        if page.name == "diagnostics.md":  # its examples are tested with the catalogue they come from
            continue
        whole = [text for text in blocks(page, language) if text.startswith("defmodule") and "@sec" in text]
        found += [(f"{page.name}-{number}", text) for number, text in enumerate(whole, 1)]
    return found


def one_line(value: str) -> str:
    """How a parameter is shown in a test's name: sources are not."""
    return "" if "\n" in value else value


@pytest.mark.parametrize(("name", "text"), modules("elixir"), ids=one_line)
def test_honey_in_the_docs_compiles(name: str, text: str) -> None:
    checked = compiler.check(SourceFile.from_text(text, f"{name}.ex"))
    assert [diagnostic.message for diagnostic in checked.diagnostics] == []
    assert checked.program is not None


@pytest.mark.parametrize(
    ("name", "text"), modules("elixir-error"), ids=lambda value: value if "\n" not in value else ""
)
def test_mistakes_in_the_docs_are_found(name: str, text: str) -> None:
    assert not compiler.check(SourceFile.from_text(text, f"{name}.ex")).ok


def test_the_tutorials_unit_test_runs(tmp_path: Path) -> None:
    tutorial = ROOT / "docs/tutorial.md"
    *_, source = [text for text in blocks(tutorial, "elixir") if "defmap" in text]
    (tmp_path / "ports.ex").write_text(source)
    (python,) = blocks(tutorial, "python")
    done = subprocess.run(
        [sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed: no C to check")
def test_the_tutorials_loader_compiles() -> None:
    (text,) = blocks(ROOT / "docs/tutorial.md", "c")
    command = ["clang", "-Wall", "-Werror", "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_messages_that_are_named_exist(page: Path) -> None:
    from honey.diagnostics.catalogue import catalogue

    assert set(re.findall(r"HNY\d{4}", page.read_text())) <= catalogue().keys()


def test_the_page_of_passes_is_what_they_do() -> None:
    from honey.passes.document import markdown

    page = (ROOT / "docs/passes.md").read_text()
    assert page.strip() == markdown().strip(), "run: python -m honey.passes.document > docs/passes.md"


def test_every_pass_has_an_example_in_which_it_does_something() -> None:
    from honey.passes import NAMES
    from honey.passes.document import examples

    shown = examples()
    assert set(NAMES) - shown.keys() == set(), "add one to honey/passes/examples.txt"
    assert [name for name in NAMES if not shown[name].difference()] == []


def test_the_page_of_diagnostics_is_the_catalogues() -> None:
    from honey.diagnostics.document import markdown

    page = (ROOT / "docs/diagnostics.md").read_text()
    assert page.strip() == markdown().strip(), "run: python -m honey.diagnostics.document > docs/diagnostics.md"


def commands(page: Path) -> list[str]:
    """The command lines of our own that the page shows."""
    return sorted(set(re.findall(r"(?:^|`|\$ )((?:harness|honey|make) [a-z][^`\n#]*)", page.read_text(), re.MULTILINE)))


def help_of(command: str, cache: dict[str, str]) -> str:
    """What ``harness run --help`` and its like show; "" where there is no such command."""
    if command not in cache:
        program, *rest = command.split()
        module = {"harness": "harness.cli", "honey": "honey"}[program]
        done = subprocess.run(
            [sys.executable, "-m", module, *rest, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        cache[command] = done.stdout if done.returncode == 0 else ""
    return cache[command]


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    return {}


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path, helps: dict[str, str]) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    unknown = []
    for line in commands(page):
        program, command, *rest = line.split()
        if program == "make":
            unknown += [] if command in targets else [line]
            continue
        deeper = [rest[0]] if command == "kernels" and rest and rest[0].isalpha() else []
        text = help_of(" ".join([program, command, *deeper]), helps)
        options = re.findall(r"(?<!\S)--[a-z-]+", line)
        unknown += [line] if not text else [line for option in options if not re.search(rf"{option}(?![a-z-])", text)]
    assert unknown == []
