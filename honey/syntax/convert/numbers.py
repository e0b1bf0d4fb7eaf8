# SPDX-License-Identifier: Apache-2.0
"""Numbers and characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.syntax import ast, strings

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter

MAX_INT = 2**64 - 1
_LONGEST_INT = 80  # characters: a binary number needs 66


def integer(c: Converter, node: TsNode) -> ast.Int:
    _check_end(c, node)
    span = c.span(node)
    text = c.text(node).replace("_", "")
    value = int(text, 0 if text[:2] in ("0x", "0b", "0o") else 10) if len(text) <= _LONGEST_INT else None
    if value is None or value > MAX_INT:
        c.error("HNY0011", "this integer does not fit into 64 bits", span, help=f"the largest is {MAX_INT}")
        value = 0
    return ast.Int(span, value)


def float_(c: Converter, node: TsNode) -> ast.Float:
    _check_end(c, node)
    return ast.Float(c.span(node), float(c.text(node).replace("_", "")))


def _check_end(c: Converter, node: TsNode) -> None:
    after = c.after(node)
    if after.isalpha() or after == b"_":
        c.error("HNY0011", f"a letter follows the number `{c.excerpt(node)}`", c.span(node), help="put a space between")


def char(c: Converter, node: TsNode) -> ast.Int:
    """`?a`, `?\\n`: the character's code point."""
    span = c.span(node)
    text = c.text(node)[1:]
    value = strings.unescape(text) if text.startswith("\\") else text
    if value is None or len(value) != 1:
        c.error("HNY0012", f"`?{text}` is not a character", span)
        return ast.Int(span, 0)
    return ast.Int(span, ord(value))
