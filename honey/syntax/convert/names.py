# SPDX-License-Identifier: Apache-2.0
"""Identifiers, aliases and plain atoms."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from honey.syntax import ast

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter

RESERVED = frozenset({"do", "end", "else", "rescue", "catch", "after", "fn", "when", "and", "or", "in", "not"})
_ELIXIRS_OWN = frozenset({"__aliases__", "__block__"})

MISREAD = "HNY0015"
"""The code for a reserved word that tree-sitter took for a name: the tree around it is not to be trusted."""


def name(c: Converter, node: TsNode) -> str:
    """The text of an identifier, an alias, an atom or a keyword's key."""
    text = c.text(node)
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        help = f"write it as `{unicodedata.normalize('NFC', text)}`"
        c.error("HNY0002", "this name is not in Unicode's composed form (NFC)", c.span(node), help=help)
    return text


def word(c: Converter, node: TsNode) -> ast.Atom:
    """`nil`, `true`, `false`."""
    return ast.Atom(c.span(node), c.text(node))


def atom(c: Converter, node: TsNode) -> ast.Atom:
    return ast.Atom(c.span(node), name(c, node)[1:])


def identifier(c: Converter, node: TsNode) -> ast.Var | ast.Invalid:
    text = name(c, node)
    if text in RESERVED or not text:
        return c.error(MISREAD, f"`{text}` is a reserved word and cannot be a name", c.span(node))
    if text in _ELIXIRS_OWN:
        return c.error("HNY0014", f"`{text}` is reserved by Elixir", c.span(node))
    return ast.Var(c.span(node), text)


def alias(c: Converter, node: TsNode) -> ast.Alias:
    return ast.Alias(c.span(node), tuple(part.strip() for part in name(c, node).split(".")))


def lone_operator(c: Converter, node: TsNode) -> ast.Invalid:
    """An operator without operands, which only `&+/2` may have (see `operators`)."""
    return c.error("HNY0009", f"something is missing beside the operator `{c.excerpt(node)}`", c.span(node))
