# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a source that tree-sitter could not read, in words that help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic, error
from honey.syntax.source import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode


def explain(root: TsNode, source: SourceFile) -> list[Diagnostic]:
    """At least one error for a tree that has ERROR or MISSING nodes."""
    found = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            span = source.span(node.start_byte, node.end_byte)
            found.append(error("HNY0007", "unexpected", source, span))
        elif node.has_error:
            stack.extend(node.children)
    return found
