# SPDX-License-Identifier: Apache-2.0
"""The compiler as a library: from a source to its diagnostics, its IR, its C and its object.

Every function here takes any bytes for a source and answers with values: what is wrong with the source is a
`Diagnostic`, what is wrong with the machine (no clang, an error of clang) a `ClangError`. Only an error in the
compiler itself is an exception, `InternalError`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from honey.records import dataclass, replace
from honey.syntax.nesting import room_to_recurse

if TYPE_CHECKING:
    from honey.diagnostics import Diagnostic
    from honey.emit import CSource, clang
    from honey.emit.clang import ClangError
    from honey.ir.nodes import Program
    from honey.syntax.ast import File
    from honey.syntax.source import SourceFile


class InternalError(Exception):
    """The compiler itself is wrong: `step` is what it was doing, `cause` the exception that it met."""

    def __init__(self, file: str, step: str, cause: Exception) -> None:
        super().__init__(f"{step} of {file}: {cause}")
        self.file = file
        self.step = step
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Checked:
    """What analysis says of a source: its IR, `None` if there are errors in it, and the diagnostics in order."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return self.program is not None


@dataclass(frozen=True, slots=True)
class Compiled:
    """How far a source has got: its optimised IR, its C, and whether its object was written.

    `problem` is what clang, or the lack of it, has to say.
    """

    diagnostics: tuple[Diagnostic, ...]
    program: Program | None = None
    c: CSource | None = None
    output: str | None = None
    problem: ClangError | None = None


def parse(source: SourceFile) -> tuple[File, tuple[Diagnostic, ...]]:
    """The syntax tree; not fit for more if there are errors among the diagnostics."""
    with _step(source, "parsing"):
        from honey.syntax.parse import parse as parse_source

        file, diagnostics = parse_source(source)
    return file, tuple(diagnostics)


def check(source: SourceFile) -> Checked:
    """Everything that can be said about a source without compiling it."""
    file, diagnostics = parse(source)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        return Checked(None, diagnostics)
    with _step(source, "analysis"):
        from honey.analysis import analyse

        program, more = analyse(file, source)
    found = _in_order((*diagnostics, *more))
    failed = program is None or any(diagnostic.is_error for diagnostic in found)
    return Checked(None if failed else program, found)


def translate(source: SourceFile, passes: Sequence[str] | None = None) -> Compiled:
    """The optimised IR of a source. `passes` names those to run, in order; `None` stands for the usual ones."""
    done, verified = _translated(source, passes)
    verified()
    return done


def _translated(source: SourceFile, passes: Sequence[str] | None) -> tuple[Compiled, Callable[[], None]]:
    """The same, still to be verified by a call of what is given with it."""
    checked = check(source)
    if checked.program is None:
        return Compiled(checked.diagnostics), lambda: None
    with _step(source, "optimisation"):
        from honey.passes import run_unverified

        program, passed = run_unverified(checked.program, passes)

    def verified() -> None:
        with _step(source, "optimisation"):
            passed()

    return Compiled(checked.diagnostics, program), verified


def to_c(source: SourceFile, passes: Sequence[str] | None = None) -> Compiled:
    """The C of a source. It calls the source by a path that is relative to the current folder."""
    done, verified = _in_c(source, passes)
    verified()
    return done


def _in_c(
    source: SourceFile, passes: Sequence[str] | None, *, rows: bool = True
) -> tuple[Compiled, Callable[[], None]]:
    """The same, still to be verified."""
    done, verified = _translated(source, passes)
    if done.program is None:
        return done, verified
    try:
        with _step(source, "emission of C"):
            from honey.emit import emit_c

            c = emit_c(replace(done.program, file=_relative(source.name)), rows=rows)
    except InternalError:
        verified()  # what emission met may be wrong before it
        raise
    return replace(done, c=c), verified


def compile_source(source: SourceFile, output: str | os.PathLike[str], passes: Sequence[str] | None = None) -> Compiled:
    """Compiles a source to an eBPF object at `output`, which appears whole or not at all."""
    from honey.emit import clang

    rows, flags = True, tuple[str, ...]()
    done, outcome = _through_clang(source, output, passes)
    if _without_room(outcome) and done.c is not None and "#pragma unroll" in done.c.text:
        # What clang calculates for all turns together it keeps on the stack.
        rows = False
        done, outcome = _through_clang(source, output, passes, rows=False)
    if _leaves_undecided(done, outcome):
        flags = clang.WITH_LESS
        done, outcome = _through_clang(source, output, passes, flags, rows=rows)
    for some in (rows, False):
        if _falls_back(done, outcome):
            in_order = _through_clang(source, output, passes, (*flags, *clang.IN_ORDER), rows=some)
            done, outcome = in_order if isinstance(in_order[1], clang.Compiled) else (done, outcome)
    if outcome is None:
        return done
    if isinstance(outcome, clang.Compiled):
        return replace(done, output=outcome.output)
    if (line := _without_room(outcome)) is not None:
        return replace(done, diagnostics=_in_order((*done.diagnostics, _beyond_stack(source, line))))
    return replace(done, problem=outcome)


def _through_clang(
    source: SourceFile,
    output: str | os.PathLike[str],
    passes: Sequence[str] | None,
    flags: tuple[str, ...] = (),
    *,
    rows: bool = True,
) -> tuple[Compiled, clang.Compiled | ClangError | None]:
    """What became of a source and what clang made of its C, None where there is none.

    ``flags`` are clang's further flags; ``rows``: whether turns of loops may be written out, one after the other.
    """
    from honey.emit import clang
    from honey.emit.program import HEADERS

    run = clang.ClangRun(output, flags)
    try:
        problem = run.start(headers=HEADERS)  # it loads and reads them meanwhile
        done, verified = _in_c(source, passes, rows=rows)
        if done.c is None:
            return done, None
        with _step(source, "compilation of the C"):
            problem = problem or run.send(done.c.text)
        verified()  # while clang works
        with _step(source, "compilation of the C"):
            return done, problem or run.finish()
    finally:
        run.abandon()


def _without_room(outcome: clang.Compiled | ClangError | None) -> int | None:
    """The line of the C's function for which clang has no room on the stack, if that is what hinders it."""
    from honey.emit import clang

    return outcome.beyond_stack if isinstance(outcome, clang.ClangFailed) else None


def _falls_back(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether an object has loops that older kernels refuse, for how clang has laid them out."""
    from honey.emit import clang

    if done.c is None or "for (" not in done.c.text or not isinstance(outcome, clang.Compiled):
        return False
    from honey.emit.back_edges import falls_back

    with open(outcome.output, "rb") as file:
        return falls_back(file.read())


def _leaves_undecided(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether an object has comparisons that older kernels do not decide, and addresses that depend on them."""
    from honey.emit import clang

    if done.program is None or not isinstance(outcome, clang.Compiled):
        return False
    from honey.emit.undecided import calculates_addresses, compares_constants

    if not calculates_addresses(done.program):
        return False
    with open(outcome.output, "rb") as file:
        return compares_constants(file.read())


def _beyond_stack(source: SourceFile, line: int) -> Diagnostic:
    """What there is to say where clang finds no room for what it calculates in the function at ``line``."""
    from honey.diagnostics import error

    return error(
        "HNY0800",
        "clang does not find room for all values of this function in the 512 bytes of stack",
        source,
        source.line_span(line),
        help="keep fewer values at a time: use each as soon as it is there, or store them in a map",
    )


@contextmanager
def _step(source: SourceFile, name: str) -> Iterator[None]:
    """Runs a step with room for deep trees, and turns any exception into an `InternalError` that names the step."""
    try:
        with room_to_recurse():
            yield
    except Exception as problem:  # whatever it is, the user is told about it without a traceback
        stage = getattr(problem, "stage", "") or name
        raise InternalError(source.name, stage, problem) from problem


def _in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In the order of the source, one of each."""
    seen = dict.fromkeys(diagnostics)
    return tuple(sorted(seen, key=lambda found: found.span.start if found.span is not None else -1))


def _relative(name: str) -> str:
    """A path that shows nothing of the machine: relative to the current folder, or the bare name outside of it."""
    if not os.path.isabs(name):
        return name
    relative = os.path.relpath(name)
    return os.path.basename(name) if relative.startswith(os.pardir) else relative
