# SPDX-License-Identifier: Apache-2.0
"""`honey compile`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey import compiler
from honey.cli import ENVIRONMENT, INTERNAL, OK, SOURCE_ERROR
from honey.commands import files, output

if TYPE_CHECKING:
    from honey.commands.arguments import Arguments
    from honey.diagnostics import Diagnostic
    from honey.syntax.source import SourceFile


def run(arguments: Arguments) -> int:
    passes = pass_names(arguments.passes)
    sources = files.sources_of(arguments.path)
    folder = sources != [arguments.path]
    targets = [files.output_path(path, arguments.output, arguments.emit, folder=folder) for path in sources]

    def work(number: int) -> tuple[Sequence[Diagnostic], int]:
        return compile_one(sources[number], targets[number], arguments.emit, passes)

    outcomes = _all(work, len(sources)) if len(sources) > 1 else [work(0)]
    stream = sys.stdout if arguments.format == "json" and files.STANDARD not in targets else sys.stderr
    output.show([found for diagnostics, _ in outcomes for found in diagnostics], form=arguments.format, stream=stream)
    return max(status for _, status in outcomes)


def _all(work: Callable[[int], tuple[Sequence[Diagnostic], int]], count: int) -> list[tuple[Sequence[Diagnostic], int]]:
    """The work on all of several sources, at once.

    A bug in the compiler on one of them, or a file that cannot be read or written, leaves the others alone.
    """
    import honey.analysis.program
    import honey.emit.program
    import honey.passes  # noqa: F401 -- loaded once, here, and not by each process
    from honey.commands.bug_report import bug_report
    from honey.commands.workers import WorkerLost, in_parallel

    def told(number: int) -> tuple[Sequence[Diagnostic], int]:
        try:
            return work(number)
        except compiler.InternalError as problem:
            output.progress(bug_report(problem))
            return (), INTERNAL
        except files.FileProblem as problem:
            output.progress(f"honey: {problem}")
            return (), ENVIRONMENT

    try:
        return in_parallel(told, range(count))
    except WorkerLost as problem:
        raise files.FileProblem(str(problem)) from problem


def pass_names(text: str | None) -> tuple[str, ...] | None:
    """What `--passes` asks for; `None` for the usual passes. Raises `FileProblem` for a name that is none."""
    if text is None:
        return None
    from honey.passes import NAMES, UnknownPass, select

    try:
        return select(text)
    except UnknownPass as problem:
        from honey.diagnostics.suggest import did_you_mean

        hint = did_you_mean(problem.name, NAMES)
        raise files.FileProblem(f"{problem}{f'; {hint}' if hint else ''}") from problem


def compile_one(path: str, target: str, kind: str, passes: Sequence[str] | None) -> tuple[Sequence[Diagnostic], int]:
    """Compiles one source into one file; gives what there is to say and the exit status."""
    source = files.read(path)
    try:
        if kind == "obj":
            return _object(source, target, passes)
        data, diagnostics = _text(source, kind, passes)
    except compiler.InternalError:
        files.remove(target)
        raise
    if data is None:
        files.remove(target)
        return diagnostics, SOURCE_ERROR
    files.write(target, data.encode(errors="surrogateescape"))
    return diagnostics, OK


def _text(source: SourceFile, kind: str, passes: Sequence[str] | None) -> tuple[str | None, Sequence[Diagnostic]]:
    """The text to write, `None` where errors are in the way, and the diagnostics."""
    if kind == "ast":
        from honey.syntax.text import dump

        file, found = compiler.parse(source)
        return None if any(diagnostic.is_error for diagnostic in found) else dump(file), found
    if kind == "ir":
        from honey.ir.text import dump as dump_program

        done = compiler.translate(source, passes)
        return dump_program(done.program) if done.program is not None else None, done.diagnostics
    done = compiler.to_c(source, passes)
    return done.c.text if done.c is not None else None, done.diagnostics


def _object(source: SourceFile, target: str, passes: Sequence[str] | None) -> tuple[Sequence[Diagnostic], int]:
    """Clang replaces an ordinary file itself; what goes elsewhere takes the way over a temporary folder."""
    if target != files.STANDARD and not files.is_special(target):
        done = compiler.compile_source(source, target, passes)
    else:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(prefix="honey-") as folder:
            done = compiler.compile_source(source, f"{folder}/object", passes)
            if done.output is not None:
                with open(done.output, "rb") as file:
                    files.write(target, file.read())
    if done.output is not None:
        return done.diagnostics, OK
    files.remove(target)
    if done.problem is None:
        return done.diagnostics, SOURCE_ERROR
    output.progress(f"honey: {done.problem}")
    return done.diagnostics, ENVIRONMENT
