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

    remedies = (
        (_keeps_too_much, _Way(rows=False)),
        (_leaves_undecided, _Way(flags=clang.WITH_LESS)),
        (_reads_unset, _Way(flags=clang.WITHOUT_ENDS)),
        (_cuts_packet_pointers, _Way(flags=clang.WITHOUT_EARLY_LOADS)),
        (_falls_back, _Way(flags=clang.IN_ORDER)),
        (_falls_back, _Way(rows=False)),
    )
    way = _Way()
    done, outcome = _through_clang(source, output, passes, way)
    for is_wrong, remedy in remedies:
        if is_wrong(done, outcome):
            other = _Way(way.rows and remedy.rows, (*way.flags, *remedy.flags))
            tried = _through_clang(source, output, passes, other)
            if isinstance(tried[1], clang.Compiled) or not isinstance(outcome, clang.Compiled):
                way, (done, outcome) = other, tried
    if outcome is None:
        return done
    if isinstance(outcome, clang.Compiled):
        return replace(done, output=outcome.output)
    if (line := _without_room(outcome)) is not None:
        return replace(done, diagnostics=_in_order((*done.diagnostics, _beyond_stack(source, line))))
    return replace(done, problem=outcome)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a source becomes an object."""

    rows: bool = True
    """Whether turns of loops may be written out, one after the other."""
    flags: tuple[str, ...] = ()
    """Further flags of clang."""


def _through_clang(
    source: SourceFile,
    output: str | os.PathLike[str],
    passes: Sequence[str] | None,
    way: _Way,
) -> tuple[Compiled, clang.Compiled | ClangError | None]:
    """What became of a source and what clang made of its C, None where there is none."""
    from honey.emit import clang
    from honey.emit.program import HEADERS

    run = clang.ClangRun(output, way.flags)
    try:
        problem = run.start(headers=HEADERS)  # it loads and reads them meanwhile
        done, verified = _in_c(source, passes, rows=way.rows)
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


def _keeps_too_much(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether there is no room for what clang calculates for several turns of a loop together."""
    return _without_room(outcome) is not None and done.c is not None and "#pragma unroll" in done.c.text


def _falls_back(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether an object has loops that older kernels refuse, for how clang has laid them out."""
    if done.c is None or "for (" not in done.c.text:
        return False
    from honey.emit.back_edges import falls_back

    return _has(outcome, falls_back)


def _leaves_undecided(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether an object has comparisons that older kernels do not decide, and addresses that depend on them."""
    if done.program is None or not calculates_addresses(done.program):
        return False
    from honey.emit.undecided import compares_constants

    return _has(outcome, compares_constants)


def calculates_addresses(program: Program) -> bool:
    """Whether memory is looked at in a place that depends on a number."""
    from honey.ir import nodes as n
    from honey.ir.walk import pick

    nodes = (
        node for function in program.functions for node in pick(function.body, frozenset((n.IndexPlace, n.PacketAt)))
    )
    numbers = (node.index if isinstance(node, n.IndexPlace) else node.offset for node in nodes)
    return any(not isinstance(number, n.Const) for number in numbers)


def _reads_unset(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether an object reads registers that the verifier takes for unset: possible where a block may be left."""
    if done.c is None or not any(line.startswith("\t\t") and "return " in line for line in done.c.text.splitlines()):
        return False
    from honey.emit.unset import reads_unset

    return _has(outcome, reads_unset)


def _cuts_packet_pointers(done: Compiled, outcome: clang.Compiled | ClangError | None) -> bool:
    """Whether an object makes numbers of pointers to a packet."""
    if done.c is None or "_packet_" not in done.c.text:
        return False
    from honey.emit.packet_numbers import cuts_packet_pointers

    return _has(outcome, cuts_packet_pointers)


def _has(outcome: clang.Compiled | ClangError | None, fault: Callable[[bytes], bool]) -> bool:
    from honey.emit import clang

    if not isinstance(outcome, clang.Compiled):
        return False
    with open(outcome.output, "rb") as file:
        return fault(file.read())


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
