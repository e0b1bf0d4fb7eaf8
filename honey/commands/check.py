# SPDX-License-Identifier: Apache-2.0
"""`honey check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from honey import compiler
from honey.cli import OK, SOURCE_ERROR
from honey.commands import files, output

if TYPE_CHECKING:
    from honey.commands.arguments import Arguments
    from honey.diagnostics import Diagnostic


def run(arguments: Arguments) -> int:
    found: list[Diagnostic] = []
    for path in (name for argument in arguments.paths for name in files.sources_of(argument)):
        found += compiler.check(files.read(path)).diagnostics
    output.show(found, form=arguments.format, stream=sys.stdout if arguments.format == "json" else sys.stderr)
    return SOURCE_ERROR if any(diagnostic.is_error for diagnostic in found) else OK
