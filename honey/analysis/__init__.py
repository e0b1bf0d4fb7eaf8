# SPDX-License-Identifier: Apache-2.0
"""From the syntax tree to the typed IR: names, types, nil, patterns, and every error as a diagnostic.

A module is read once for its declarations (``module``), then its handlers are analysed, and with them the functions
that they call (``functions``). What is learnt on the way and concerns code analysed before (which types a function's
callers pass, what an untyped map holds) starts another round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from honey.diagnostics import Diagnostic
    from honey.ir.nodes import Program
    from honey.syntax.ast import File
    from honey.syntax.source import SourceFile


def analyse(file: File, source: SourceFile) -> tuple[Program | None, list[Diagnostic]]:
    """The program that a source stands for, ``None`` if there are errors, and all that is to be said of it."""
    from honey.analysis.program import analyse_file

    return analyse_file(file, source)
