# SPDX-License-Identifier: Apache-2.0
"""`honey check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from honey import compiler
from honey.cli import ENVIRONMENT, OK, SOURCE_ERROR
from honey.commands import files, output

if TYPE_CHECKING:
    from honey.commands.arguments import Arguments
    from honey.diagnostics import Diagnostic


def run(arguments: Arguments) -> int:
    """What cannot be read does not keep what is wrong with the other sources from being said."""
    found: list[Diagnostic] = []
    status = max([_add(argument, found) for argument in dict.fromkeys(arguments.paths)])
    output.show(found, form=arguments.format, stream=sys.stdout if arguments.format == "json" else sys.stderr)
    return status


def _add(argument: str, found: list[Diagnostic]) -> int:
    """Adds what there is to say of the sources that an argument names to ``found``; gives the exit status."""
    try:
        paths = files.sources_of(argument)
    except files.FileProblem as problem:
        output.progress(f"honey: {problem}")
        return ENVIRONMENT
    return max([_add_of_source(path, found) for path in paths])


def _add_of_source(path: str, found: list[Diagnostic]) -> int:
    try:
        diagnostics = compiler.check(files.read(path)).diagnostics
    except files.FileProblem as problem:
        output.progress(f"honey: {problem}")
        return ENVIRONMENT
    found += diagnostics
    return SOURCE_ERROR if any(diagnostic.is_error for diagnostic in diagnostics) else OK
