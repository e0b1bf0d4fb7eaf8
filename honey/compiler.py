# SPDX-License-Identifier: Apache-2.0
"""The compiler as a library: from a source to its diagnostics, its IR, its C and its object.

Every function here takes any bytes for a source and answers with values; what goes wrong in the compiler itself is an
`InternalError`, what is wrong with the machine (no clang) a `honey.emit.clang` error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from honey.syntax.nesting import room_to_recurse

if TYPE_CHECKING:
    from honey.diagnostics import Diagnostic
    from honey.ir.nodes import Program
    from honey.syntax.ast import File
    from honey.syntax.source import SourceFile


class InternalError(Exception):
    """The compiler itself is wrong. `step` is what it was doing; the cause is the exception that it met."""

    def __init__(self, source: SourceFile, step: str, cause: Exception) -> None:
        super().__init__(f"{step} of {source.name}: {cause}")
        self.source = source
        self.step = step
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Checked:
    """A source that analysis has seen: its IR if there is no error in it, and what there is to say."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return self.program is not None


@dataclass(frozen=True, slots=True)
class Compiled:
    """A source that went through the steps asked for. What was not asked for, or not reached, is `None`."""

    program: Program | None
    c_text: str | None
    object: bytes | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not any(diagnostic.is_error for diagnostic in self.diagnostics)


def parse(source: SourceFile) -> tuple[File, tuple[Diagnostic, ...]]:
    """The syntax tree; not fit for more if there are errors among the diagnostics."""
    from honey.syntax.parse import parse as parse_source

    with _step(source, "parsing"):
        file, diagnostics = parse_source(source)
    return file, tuple(diagnostics)


def check(source: SourceFile) -> Checked:
    """Everything that can be said about a source without compiling it."""
    file, diagnostics = parse(source)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        return Checked(None, diagnostics)
    from honey.analysis import analyse

    with _step(source, "analysis"):
        program, more = analyse(file, source)
    found = (*diagnostics, *more)
    failed = any(diagnostic.is_error for diagnostic in found)
    return Checked(None if failed else program, _in_order(found))


def translate(source: SourceFile, passes: Sequence[str] | None = None) -> Compiled:
    """The optimised IR of a source. `passes` names those to run, in order; `None` stands for the usual ones."""
    checked = check(source)
    if checked.program is None:
        return Compiled(None, None, None, checked.diagnostics)
    from honey.passes import run

    with _step(source, "optimisation"):
        program = run(checked.program, passes)
    return Compiled(program, None, None, checked.diagnostics)


def to_c(source: SourceFile, passes: Sequence[str] | None = None) -> Compiled:
    """The C text of a source, with its optimised IR."""
    translated = translate(source, passes)
    if translated.program is None:
        return translated
    from honey.emit import emit_c

    with _step(source, "emission of C"):
        text = emit_c(translated.program)
    return Compiled(translated.program, text, None, translated.diagnostics)


def compile_source(source: SourceFile, passes: Sequence[str] | None = None) -> Compiled:
    """The eBPF object of a source.

    Raises what `honey.emit.clang.compile_c` raises where clang is missing or refuses the C.
    """
    translated = to_c(source, passes)
    if translated.c_text is None:
        return translated
    from honey.emit.clang import compile_c

    data = compile_c(translated.c_text)
    return Compiled(translated.program, translated.c_text, data, translated.diagnostics)


@contextmanager
def _step(source: SourceFile, name: str) -> Iterator[None]:
    """Runs a step with room for deep trees, and turns any exception into an `InternalError` that names the step."""
    try:
        with room_to_recurse():
            yield
    except Exception as problem:  # whatever it is, the user is told about it without a traceback
        stage = getattr(problem, "stage", "") or name
        raise InternalError(source, stage, problem) from problem


def _in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In the order of the source, one of each."""
    seen = dict.fromkeys(diagnostics)
    return tuple(sorted(seen, key=lambda found: found.span.start if found.span is not None else -1))
