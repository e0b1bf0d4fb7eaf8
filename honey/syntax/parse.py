# SPDX-License-Identifier: Apache-2.0
"""From source text to syntax tree: tree-sitter reads the text, `honey.syntax.convert` makes the tree."""

from __future__ import annotations

from honey.diagnostics import Diagnostic
from honey.syntax import ast
from honey.syntax.nesting import room_to_recurse
from honey.syntax.source import SourceFile


def parse(source: SourceFile) -> tuple[ast.File, list[Diagnostic]]:
    """Reads a source, whatever bytes it holds.

    With errors among the diagnostics the tree is not fit for later steps: parts of it may be `ast.Invalid`.
    """
    from honey.syntax.characters import check_characters

    diagnostics = check_characters(source)
    if diagnostics:
        return _empty(source), diagnostics
    import tree_sitter
    import tree_sitter_elixir

    from honey.syntax.convert import convert
    from honey.syntax.convert.names import MISREAD

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_elixir.language()))

    def read(data: bytes) -> tree_sitter.Node:
        return parser.parse(data).root_node

    root = read(source.data)
    if not root.has_error:
        with room_to_recurse():
            file, diagnostics = convert(root, source)
        if not any(diagnostic.code == MISREAD for diagnostic in diagnostics):
            return file, diagnostics
    from honey.syntax.errors import explain

    return _empty(source), explain(root, source, read)


def _empty(source: SourceFile) -> ast.File:
    span = source.span(0, len(source.data))
    return ast.File(span, ast.Block(span, ()))
