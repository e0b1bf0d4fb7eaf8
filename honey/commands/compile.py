# SPDX-License-Identifier: Apache-2.0
"""`honey compile`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey import compiler
from honey.cli import ENVIRONMENT, OK, SOURCE_ERROR
from honey.commands import files, output

if TYPE_CHECKING:
    import argparse

    from honey.diagnostics import Diagnostic
    from honey.syntax.source import SourceFile


def run(arguments: argparse.Namespace) -> int:
    passes = pass_names(arguments.passes)
    sources = files.sources_of(arguments.path)
    folder = sources != [arguments.path]
    found: list[Diagnostic] = []
    status = OK
    to_standard = False
    for path in sources:
        target = files.output_path(path, arguments.output, arguments.emit, folder=folder)
        to_standard = to_standard or target == files.STANDARD
        diagnostics, outcome = compile_one(path, target, arguments.emit, passes)
        found += diagnostics
        status = max(status, outcome)
    stream = sys.stdout if arguments.format == "json" and not to_standard else sys.stderr
    output.show(found, form=arguments.format, stream=stream)
    return status


def pass_names(text: str | None) -> tuple[str, ...] | None:
    """What `--passes` asks for; `None` for the usual passes. Raises `FileProblem` for a name that is none."""
    if text is None:
        return None
    names = tuple(name for name in text.split(",") if name not in ("", "none"))
    from honey.passes import NAMES

    for name in names:
        if name not in NAMES:
            from honey.diagnostics.suggest import did_you_mean

            hint = did_you_mean(name, NAMES) or f"the passes are {', '.join(NAMES)}"
            raise files.FileProblem(f"there is no pass `{name}`; {hint}")
    return names


def compile_one(path: str, target: str, kind: str, passes: Sequence[str] | None) -> tuple[Sequence[Diagnostic], int]:
    """Compiles one source into one file; gives what there is to say and the exit status."""
    from honey.emit.clang import ClangError

    source = files.read(path)
    try:
        data, diagnostics = _result(source, kind, passes)
    except ClangError as problem:
        files.remove(target)
        output.progress(f"honey: {problem}")
        return (), ENVIRONMENT
    except compiler.InternalError:
        files.remove(target)
        raise
    if data is None:
        files.remove(target)
        return diagnostics, SOURCE_ERROR
    files.write(target, data)
    return diagnostics, OK


def _result(source: SourceFile, kind: str, passes: Sequence[str] | None) -> tuple[bytes | None, Sequence[Diagnostic]]:
    """The bytes to write, `None` where errors are in the way, and the diagnostics."""
    if kind == "ast":
        from honey.syntax.text import dump

        file, found = compiler.parse(source)
        failed = any(diagnostic.is_error for diagnostic in found)
        return None if failed else dump(file).encode(errors="surrogateescape"), found
    if kind == "ir":
        from honey.ir.text import dump as dump_program

        done = compiler.translate(source, passes)
        return None if done.program is None else dump_program(done.program).encode(), done.diagnostics
    done = compiler.to_c(source, passes) if kind == "c" else compiler.compile_source(source, passes)
    if kind == "c":
        return None if done.c_text is None else done.c_text.encode(), done.diagnostics
    return done.object, done.diagnostics
