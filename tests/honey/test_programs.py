# SPDX-License-Identifier: Apache-2.0
"""The language, case by case: each file in ``tests/programs`` is a source and what must come of it.

A case is text in sections, each begun by a line ``--- NAME``; what stands before the first one is a comment:

``--- source``            the program; without a ``defmodule`` it is the body of one handler
``--- c``                 lines that the emitted C must have, in this order (blanks do not count)
``--- no c``              lines that it must not have
``--- error HNY0123 4:7`` an error at line 4, column 7 (either may be left out), whose text has the lines that follow
``--- warning HNY0300 4`` a warning in the same way
``--- run``               Python with ``sim``, the program on a simulated machine: what running it must give

A case without an error section must compile without errors (and without warnings but those that it names), and the
kernel's verifier must accept it, optimised and not. ``--- not loaded REASON`` leaves the kernel out, ``--- needs 5.16
REASON`` those before a version.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from bpftool import load, needs_kernel

import honey
from honey import compiler
from honey.diagnostics import Diagnostic
from honey.diagnostics.catalogue import module_of
from honey.ir.verify import verify
from honey.syntax.source import SourceFile

FOLDER = Path(__file__).parent.parent / "programs"
FILES = sorted(FOLDER.glob("*.case"))
_SECTION = re.compile(r"^--- (\w+(?: c)?(?: loaded)?)(?: (.*))?$")


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic that a case expects."""

    severity: str
    code: str
    line: int | None
    column: int | None
    texts: tuple[str, ...]

    def fits(self, found: Diagnostic) -> bool:
        """Whether ``found`` is what is expected."""
        if (found.severity, found.code) != (self.severity, self.code):
            return False
        if self.line is not None and (found.span is None or found.span.line != self.line):
            return False
        if self.column is not None and (found.span is None or found.span.column != self.column):
            return False
        text = "\n".join([found.message, found.help or "", *found.notes])
        return all(part in text for part in self.texts)


@dataclass(slots=True)
class Case:
    """A case taken apart."""

    name: str
    source: str = ""
    c: list[str] = field(default_factory=list)
    no_c: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    run: str = ""
    not_loaded: str = ""
    needs: tuple[int, ...] = ()
    """The version of the oldest kernel that has what the case uses."""

    @property
    def file(self) -> SourceFile:
        """The source as the compiler takes it."""
        return SourceFile.from_text(self.source, f"{self.name}.ex")

    @property
    def fails(self) -> bool:
        """Whether the source has errors."""
        return any(finding.severity == "error" for finding in self.findings)


@cache
def read(path: Path) -> Case:
    """Reads a case; raises ``ValueError`` for a section that is none."""
    case = Case(path.stem)
    name, argument, lines = "", "", list[str]()
    for line in [*path.read_text(encoding="utf-8").splitlines(), "--- end"]:
        match = _SECTION.match(line)
        if match is None:
            lines.append(line)
            continue
        _close(case, name, argument, lines)
        name, argument, lines = match[1], match[2] or "", []
    if not case.source:
        raise ValueError(f"{path.name} has no source")
    return case


def version_of(name: str) -> tuple[int, ...]:
    """The version of a kernel, to compare with others."""
    return tuple(map(int, name.split(".")))


def _close(case: Case, name: str, argument: str, lines: list[str]) -> None:
    text = [line.strip() for line in lines if line.strip()]
    match name:
        case "":
            pass
        case "source":
            case.source = module_of("\n".join(lines).strip("\n") + "\n")
        case "c":
            case.c = text
        case "no c":
            case.no_c = text
        case "error" | "warning":
            code, _, place = argument.partition(" ")
            line, _, column = place.partition(":")
            case.findings.append(
                Finding(name, code, int(line) if line else None, int(column) if column else None, tuple(text))
            )
        case "run":
            case.run = "\n".join(lines)
        case "not loaded":
            case.not_loaded = argument or "no reason given"
        case "needs":
            case.needs = version_of(argument.partition(" ")[0])
        case _:
            raise ValueError(f"{case.name}: there is no section {name}")


def flat(text: str) -> str:
    """C without differences in blanks."""
    return re.sub(r"\s+", " ", text).strip()


with_source = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
accepted = pytest.mark.parametrize("path", [p for p in FILES if not read(p).fails], ids=lambda path: path.stem)
running = pytest.mark.parametrize("path", [p for p in FILES if read(p).run], ids=lambda path: path.stem)


def test_there_are_cases() -> None:
    assert len(FILES) > 50


@with_source
def test_a_case_is_diagnosed_as_it_says(path: Path) -> None:
    case = read(path)
    checked = compiler.check(case.file)
    left = list(checked.diagnostics)
    for finding in case.findings:
        found = next((diagnostic for diagnostic in left if finding.fits(diagnostic)), None)
        assert found is not None, f"missing {finding}, there is {[(d.code, d.span, d.message, d.help) for d in left]}"
        left.remove(found)
    assert [(d.code, d.message, d.span) for d in left] == []
    assert checked.ok is not case.fails


@accepted
def test_a_case_is_well_formed_ir(path: Path) -> None:
    program = compiler.check(read(path).file).program
    assert program is not None
    verify(program)


@accepted
def test_a_case_is_emitted_as_it_says(path: Path) -> None:
    case = read(path)
    done = compiler.to_c(case.file)
    assert done.c is not None
    text = flat("\n".join(line for line in done.c.text.splitlines() if not line.startswith("#line")))
    at = 0
    for line in case.c:
        found = text.find(flat(line), at)
        assert found >= 0, f"no {line!r} (behind what comes before it) in\n{done.c.text}"
        at = found + len(flat(line))
    for line in case.no_c:
        assert flat(line) not in text


@running
@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
def test_a_case_runs_as_it_says(path: Path, passes: list[str] | None) -> None:
    case = read(path)
    program = compiler.translate(case.file, passes).program
    assert program is not None
    names = {"sim": honey.simulate(program), "program": program, "honey": honey, "struct": struct, "pytest": pytest}
    first = path.read_text(encoding="utf-8").splitlines().index("--- run") + 1
    exec(compile("\n" * first + case.run, str(path), "exec"), names)


@needs_kernel
@accepted
@pytest.mark.kernel
@pytest.mark.parametrize("passes", [[], None], ids=["plain", "optimised"])
def test_the_kernel_accepts_a_case(path: Path, passes: list[str] | None, tmp_path: Path) -> None:
    case = read(path)
    if case.not_loaded:
        pytest.skip(case.not_loaded)
    done = compiler.compile_source(case.file, tmp_path / "case.bpf.o", passes)
    assert done.problem is None, str(done.problem)
    assert done.output is not None
    assert load(Path(done.output)) == ""
