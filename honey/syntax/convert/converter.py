# SPDX-License-Identifier: Apache-2.0
"""What every conversion needs: the source, the way to report, and the dispatch over kinds of nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from honey.diagnostics import Diagnostic, error
from honey.syntax import ast
from honey.syntax.nesting import MAX_NESTING
from honey.syntax.source import SourceFile, Span

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    Handler: TypeAlias = Callable[["Converter", TsNode], ast.Node]

_LONGEST_EXCERPT = 40  # characters


class Converter:
    """The conversion of one source; what is wrong with it collects in `diagnostics`.

    `breaks` are the places at the start of a line where an expression begins and tree-sitter saw the last one go on.
    """

    def __init__(self, source: SourceFile, handlers: Mapping[str, Handler]) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []
        self.breaks: list[int] = []
        self._handlers = handlers
        self._depth = 0
        self._too_deep = False

    def error(self, code: str, message: str, span: Span, *, help: str | None = None) -> ast.Invalid:
        """Reports an error and gives the node that stands for what is wrong."""
        self.diagnostics.append(error(code, message, self.source, span, help=help))
        return ast.Invalid(span)

    def expr(self, node: TsNode) -> ast.Node:
        """One expression of any kind."""
        if self._depth >= MAX_NESTING:
            return self._refuse_depth(self.span(node))
        handler = self._handlers.get(node.type)
        if handler is None:
            return self.error("HNY0007", f"`{self.excerpt(node)}` cannot stand here", self.span(node))
        self._depth += 1
        try:
            return handler(self, node)
        finally:
            self._depth -= 1

    def _refuse_depth(self, span: Span) -> ast.Invalid:
        if self._too_deep:
            return ast.Invalid(span)
        self._too_deep = True
        help = "bind parts of it to variables, or move them into functions"
        return self.error("HNY0010", f"this is nested more than {MAX_NESTING} levels deep", span, help=help)

    def block(self, nodes: Sequence[TsNode], span: Span) -> ast.Block:
        """Expressions one after the other; `span` serves where there are none."""
        exprs = tuple(self.expr(node) for node in nodes)
        return ast.Block(exprs[0].span.to(exprs[-1].span) if exprs else span, exprs)

    # --- looking at tree-sitter's nodes -----------------------------------------------------------------------------

    def span(self, node: TsNode) -> Span:
        return self.source.span(node.start_byte, node.end_byte)

    def text(self, node: TsNode) -> str:
        return self.source.data[node.start_byte : node.end_byte].decode(errors="replace")

    def after(self, node: TsNode) -> bytes:
        """The byte after a node, empty at the end of the source."""
        return self.source.data[node.end_byte : node.end_byte + 1]

    def excerpt(self, node: TsNode) -> str:
        """A node's text, short enough for a message."""
        line = self.text(node).split("\n", 1)[0]
        return line if len(line) <= _LONGEST_EXCERPT else line[: _LONGEST_EXCERPT - 3] + "..."

    def field(self, node: TsNode, name: str) -> TsNode:
        """A field that the grammar guarantees; comments, which may bear any field's name, are passed over."""
        for child in node.children_by_field_name(name):
            if child.is_named and child.type != "comment":
                return child
        raise AssertionError(f"{node.type} without {name}")

    def operator(self, node: TsNode) -> str:
        """The operator of a unary or binary node."""
        operator = node.child_by_field_name("operator")
        return operator.type if operator is not None else ""

    def children(self, node: TsNode) -> list[TsNode]:
        """The children that mean something.

        Elixir wants a comma on the line of what stands before it, and something between two semicolons.
        """
        found: list[TsNode] = []
        semicolon = False
        for child in node.children:
            if child.is_named:
                semicolon = semicolon and child.type == "comment"
                if child.type != "comment":
                    found.append(child)
            elif child.type == ";":
                if semicolon:
                    self.error("HNY0007", "nothing stands between two semicolons", self.span(child), help="remove one")
                semicolon = True
            elif child.type == "," and found and found[-1].end_point[0] != child.start_point[0]:
                help = "move it to the end of the line before"
                self.error("HNY0007", "a line cannot start with a comma", self.span(child), help=help)
        return found
