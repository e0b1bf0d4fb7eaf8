# SPDX-License-Identifier: Apache-2.0
"""Everything between quotes: strings, heredocs, charlists, sigils and quoted atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from honey.syntax import ast, strings

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter

    Parts: TypeAlias = tuple[str | ast.Interpolation, ...]

_HEREDOCS = ('"""', "'''")
_UNESCAPED_SIGILS = frozenset("scw")


def string(c: Converter, node: TsNode) -> ast.Str:
    return ast.Str(c.span(node), parts(c, node))


def charlist(c: Converter, node: TsNode) -> ast.Charlist:
    span, found = c.span(node), parts(c, node)
    if any(isinstance(part, str) and strings.has_lone_byte(part) for part in found):
        c.error("HNY0012", "a charlist holds characters, and this escape is none", span)
    return ast.Charlist(span, found)


def quoted_atom(c: Converter, node: TsNode) -> ast.Node:
    """`:"any text"`, with or without interpolations."""
    found = parts(c, node)
    if any(isinstance(part, ast.Interpolation) for part in found):
        return ast.AtomText(c.span(node), found)
    return atom(c, node)


def atom(c: Converter, node: TsNode) -> ast.Atom | ast.Invalid:
    """A quoted keyword `"any text": value`, or the quoted name after a dot."""
    span, found = c.span(node), parts(c, node)
    if any(isinstance(part, ast.Interpolation) for part in found):
        help = "leave the `#{...}` out"
        return c.error("HNY0014", "an atom's name must be known when compiling", span, help=help)
    return ast.Atom(span, "".join(part for part in found if isinstance(part, str)))


def sigil(c: Converter, node: TsNode) -> ast.Sigil:
    name, modifiers = "", ""
    for child in c.children(node):
        if child.type == "sigil_name":
            name = c.text(child)
        elif child.type == "sigil_modifiers":
            modifiers = c.text(child)
    start = node.child_by_field_name("quoted_start")
    if start is not None and start.start_byte != node.start_byte + 1 + len(name):
        c.error("HNY0007", "no space stands inside a sigil's start", c.span(node), help=f"write `~{name}(...)`")
    if len(name) != 1:
        c.error("HNY0007", "a sigil's name is one letter", c.span(node))
    raw = name not in _UNESCAPED_SIGILS
    found = parts(c, node, raw=raw)
    return ast.Sigil(c.span(node), name, _without_escaped_end(c, node, found) if raw else found, modifiers)


def _without_escaped_end(c: Converter, node: TsNode, found: Parts) -> Parts:
    """In raw sigils too, a backslash before the closing quote only says that it does not close."""
    end = node.child_by_field_name("quoted_end")
    closer = c.text(end) if end is not None else ""
    return tuple(part.replace("\\" + closer, closer) if isinstance(part, str) else part for part in found)


def parts(c: Converter, node: TsNode, *, raw: bool = False) -> Parts:
    """The text and the interpolations between quotes. With `raw`, escapes are left as they stand."""
    indent = _indent(c, node)
    start = node.child_by_field_name("quoted_start")
    found: list[str | ast.Interpolation] = []
    text: list[str] = []
    at = start.end_byte if start is not None else node.start_byte
    for child in node.children:
        if child.start_byte > at > node.start_byte:
            text.append(
                _resolve(c, at, child.start_byte, indent, raw=raw)
            )  # tree-sitter has no node for `\` before a line end
        at = child.end_byte
        if child.type == "interpolation":
            if joined := "".join(text):
                found.append(joined)
            found.append(_interpolation(c, child))
            text = []
        elif child.type in ("quoted_content", "escape_sequence"):
            piece = _resolve(c, child.start_byte, child.end_byte, indent, raw=raw)
            if indent is not None and start is not None and child.start_byte == start.end_byte:
                piece = piece[piece.find("\n") + 1 :]  # the line of the opening quotes
            text.append(piece)
    joined = "".join(text)
    return (*found, joined) if joined else tuple(found)


def _interpolation(c: Converter, node: TsNode) -> ast.Interpolation:
    span = c.span(node)
    block = c.block(c.children(node), span)
    return ast.Interpolation(span, block.exprs[0] if len(block.exprs) == 1 else block)


def _resolve(c: Converter, start: int, end: int, indent: int | None, *, raw: bool) -> str:
    """The text that a stretch of the source between quotes stands for."""
    span = c.source.span(start, end)
    text = c.source.text(span)
    if indent is not None:
        text = strings.dedent(text, indent)
    if raw or "\\" not in text:
        return text
    resolved = strings.unescape_all(text)
    if resolved is None:
        c.error("HNY0012", f"`{text}` is not an escape that Elixir knows", span)
        return ""
    return resolved


def _indent(c: Converter, node: TsNode) -> int | None:
    """The indentation of a heredoc; `None` for other quotes. Refuses quotes that share their line with text."""
    start, end = node.child_by_field_name("quoted_start"), node.child_by_field_name("quoted_end")
    if start is None or end is None or c.text(start) not in _HEREDOCS:
        return None
    line_end = c.source.data.find(b"\n", start.end_byte)
    if c.source.data[start.end_byte : line_end].strip():
        message = "the text of a heredoc starts on the line after the opening quotes"
        c.error("HNY0006", message, c.span(start), help=f"break the line after `{c.text(start)}`")
    indent = strings.heredoc_indent(c.source.data, end.start_byte)
    if indent is None:
        message = "the closing quotes of a heredoc stand on a line of their own"
        c.error("HNY0006", message, c.span(end), help=f"break the line before `{c.text(end)}`")
    return indent or 0
