# SPDX-License-Identifier: Apache-2.0
"""From source text to syntax tree: tree-sitter reads the text, `honey.syntax.convert` makes the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic
from honey.syntax import ast
from honey.syntax.nesting import room_to_recurse
from honey.syntax.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import tree_sitter


_READINGS = 8
"""How often a source is read with more of its missed breaks put right."""


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

    from honey.syntax.convert.names import MISREAD

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_elixir.language()))

    def read(data: bytes) -> tree_sitter.Node:
        return parser.parse(data).root_node

    root = read(source.data)
    if not root.has_error:
        file, diagnostics = _converted(root, source, read)
        if not any(diagnostic.code == MISREAD for diagnostic in diagnostics):
            return file, diagnostics
    from honey.syntax.errors import explain

    return _empty(source), explain(root, source, read)


def _converted(
    root: tree_sitter.Node, source: SourceFile, read: Callable[[bytes], tree_sitter.Node]
) -> tuple[ast.File, list[Diagnostic]]:
    """The tree; where breaks were missed, the source is read again with an end at each."""
    from honey.syntax.convert import convert

    data = source.data
    for _ in range(_READINGS):
        with room_to_recurse():
            file, diagnostics, breaks = convert(root, source)
        ended = _with_ends_before(breaks, data)
        if ended == data or (root := read(ended)).has_error:
            break
        data = ended
    return file, diagnostics


def _with_ends_before(breaks: list[int], data: bytes) -> bytes:
    """The source with `;` in place of a blank at each break that was missed, so that no place moves."""
    changed = bytearray(data)
    for at in breaks:
        if data[at - 1 : at] in (b" ", b"\t"):
            changed[at - 1] = ord(";")
    return bytes(changed)


def _empty(source: SourceFile) -> ast.File:
    span = source.span(0, len(source.data))
    return ast.File(span, ast.Block(span, ()))
