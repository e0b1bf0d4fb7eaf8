# SPDX-License-Identifier: Apache-2.0
"""Numbers, characters, atoms and quoted text: from tree-sitter's nodes to values."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey.diagnostics import Diagnostic, error
from honey.syntax import ast, strings
from honey.syntax.source import SourceFile, Span

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

MAX_INT = 2**64 - 1
_LARGEST_INT_TEXT = 80  # characters; binary needs 66, with underscores some more


class Literals:
    """Converts literals of one source and collects what is wrong with them in `diagnostics`."""

    def __init__(self, source: SourceFile, diagnostics: list[Diagnostic]) -> None:
        self._source = source
        self._diagnostics = diagnostics

    def span(self, node: TsNode) -> Span:
        return self._source.span(node.start_byte, node.end_byte)

    def text(self, node: TsNode) -> str:
        return self._source.data[node.start_byte : node.end_byte].decode(errors="replace")

    def _error(self, code: str, message: str, span: Span, *, help: str | None = None) -> None:
        self._diagnostics.append(error(code, message, self._source, span, help=help))

    def integer(self, node: TsNode) -> ast.Int:
        span = self.span(node)
        text = self.text(node).replace("_", "")
        value = int(text, 0 if text[:2] in ("0x", "0b", "0o") else 10) if len(text) <= _LARGEST_INT_TEXT else None
        if value is None or value > MAX_INT:
            self._error("HNY0011", "this integer does not fit into 64 bits", span, help=f"the largest is {MAX_INT}")
            value = 0
        return ast.Int(span, value)

    def float(self, node: TsNode) -> ast.Float:
        return ast.Float(self.span(node), float(self.text(node).replace("_", "")))

    def char(self, node: TsNode) -> ast.Int:
        span = self.span(node)
        text = self.text(node)[1:]
        value = strings.unescape(text) if text.startswith("\\") else text
        if value is None or len(value) != 1:
            self._error("HNY0012", f"`?{text}` is not a character", span)
            return ast.Int(span, 0)
        point = ord(value)
        return ast.Int(span, point - 0xDC00 if 0xDC80 <= point <= 0xDCFF else point)

    def name(self, node: TsNode) -> str:
        """The text of an identifier, an alias, an atom or a keyword's key."""
        text = self.text(node)
        if not text.isascii() and not unicodedata.is_normalized("NFC", text):
            self._error(
                "HNY0002",
                "this name is not in Unicode's composed form (NFC)",
                self.span(node),
                help=f"write it as `{unicodedata.normalize('NFC', text)}`",
            )
        return text

    def atom(self, node: TsNode) -> ast.Atom:
        return ast.Atom(self.span(node), self.name(node)[1:])

    def quoted_atom(self, node: TsNode, parts: Sequence[str | ast.Interpolation]) -> ast.Atom | ast.Invalid:
        """`:"any text"` or a quoted keyword `"any text": value`, given its parts."""
        span = self.span(node)
        if any(isinstance(part, ast.Interpolation) for part in parts):
            self._error("HNY0014", "an atom's name must be known when compiling", span, help="leave the `#{...}` out")
            return ast.Invalid(span)
        return ast.Atom(span, "".join(part for part in parts if isinstance(part, str)))

    def parts(
        self, node: TsNode, interpolation: Callable[[TsNode], ast.Interpolation], *, raw: bool = False
    ) -> tuple[str | ast.Interpolation, ...]:
        """The text and interpolations of anything quoted. With `raw`, escapes are left as they stand."""
        indent = self._indent(node)
        parts: list[str | ast.Interpolation] = []
        text: list[str] = []
        for child in node.named_children:
            if child.type == "interpolation":
                if text:
                    parts.append("".join(text))
                    text = []
                parts.append(interpolation(child))
            elif child.type in ("quoted_content", "escape_sequence"):
                text.append(self._piece(child, indent, raw=raw))
        if indent is not None and text:
            text[0] = text[0] if parts else text[0].removeprefix("\r").removeprefix("\n")
        if any(text):
            parts.append("".join(text))
        return tuple(part for part in parts if part != "")

    def _piece(self, node: TsNode, indent: int | None, *, raw: bool) -> str:
        text = self.text(node)
        if indent is not None:
            text = strings.dedent(text, indent)
        if raw or "\\" not in text:
            return text
        resolved = strings.unescape_all(text)
        if resolved is None:
            self._error("HNY0012", f"`{text}` is not an escape that Elixir knows", self.span(node))
            return ""
        return resolved

    def _indent(self, node: TsNode) -> int | None:
        """The indentation of a heredoc; `None` for other quotes. Reports quotes that share their line with text."""
        start, end = node.child_by_field_name("quoted_start"), node.child_by_field_name("quoted_end")
        if start is None or end is None or self.text(start) not in ('"""', "'''"):
            return None
        after = self._source.data[start.end_byte : self._source.data.find(b"\n", start.end_byte)]
        if after.strip() or start.end_byte == end.start_byte:
            self._error(
                "HNY0006",
                "the text of a heredoc starts on the line after the opening quotes",
                self.span(start),
                help='break the line after `"""`',
            )
        indent = strings.heredoc_indent(self._source.data, end.start_byte)
        if indent is None:
            self._error(
                "HNY0006",
                "the closing quotes of a heredoc stand on a line of their own",
                self.span(end),
                help='break the line before `"""`',
            )
        return indent or 0
