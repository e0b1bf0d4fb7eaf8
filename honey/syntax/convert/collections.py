# SPDX-License-Identifier: Apache-2.0
"""Tuples, lists, keywords, binaries, maps and structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.syntax import ast
from honey.syntax.convert import names, quotes
from honey.syntax.convert.refusals import refuse_open_call, refuse_space_in_map

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter


def contained(c: Converter, nodes: Sequence[TsNode]) -> tuple[ast.Node, ...]:
    """Expressions between commas, none of them keywords."""
    for node in nodes:
        refuse_open_call(c, node)
    return tuple(c.expr(node) for node in nodes)


def tuple_(c: Converter, node: TsNode) -> ast.Node:
    span = c.span(node)
    children = c.children(node)
    if not children or children[-1].type != "keywords":
        return ast.Tuple(span, contained(c, children))
    if len(children) == 1:
        help = "write `[name: value]` for a keyword list, `%{name: value}` for a map"
        return c.error("HNY0013", "a tuple cannot start with keywords", c.span(children[0]), help=help)
    return ast.Tuple(span, (*contained(c, children[:-1]), keywords(c, children[-1], contained=True)))


def list_(c: Converter, node: TsNode) -> ast.Node:
    span = c.span(node)
    children = c.children(node)
    if not children or children[-1].type != "keywords":
        items = contained(c, children)
    elif len(children) == 1:
        return ast.KeywordList(span, pairs(c, children[0], contained=True))
    else:
        items = (*contained(c, children[:-1]), *pairs(c, children[-1], contained=True))
    if items and isinstance(last := items[-1], ast.Binary) and last.op == "|":
        return ast.ListLit(span, (*items[:-1], last.left), last.right)
    return ast.ListLit(span, items, None)


def bitstring(c: Converter, node: TsNode) -> ast.Bitstring:
    return ast.Bitstring(c.span(node), contained(c, c.children(node)))


def keywords(c: Converter, node: TsNode, *, contained: bool) -> ast.KeywordList:
    return ast.KeywordList(c.span(node), pairs(c, node, contained=contained))


def pairs(c: Converter, node: TsNode, *, contained: bool) -> tuple[ast.Pair, ...]:
    """Keywords; `contained` says that brackets or parentheses enclose them."""
    children = c.children(node)
    if contained:
        for child in children:
            refuse_open_call(c, c.field(child, "value"))
    return tuple(_pair(c, child) for child in children)


def _pair(c: Converter, node: TsNode) -> ast.Pair:
    key = c.field(node, "key")
    atom: ast.Atom | ast.Invalid
    if key.type == "quoted_keyword":
        atom = quotes.atom(c, key)
    else:
        name = names.name(c, key).rstrip().removesuffix(":")
        start = key.start_byte
        atom = ast.Atom(c.source.span(start, start + len(name.encode())), name)
    value = c.expr(c.field(node, "value"))
    return ast.Pair(atom.span.to(value.span), atom, value)


def map_(c: Converter, node: TsNode) -> ast.MapLit | ast.StructLit:
    refuse_space_in_map(c, node)
    span = c.span(node)
    name: ast.Node | None = None
    base: ast.Node | None = None
    entries: tuple[ast.Pair, ...] = ()
    for child in c.children(node):
        if child.type == "struct":
            name = c.expr(c.children(child)[0])
        else:
            base, entries = _map_content(c, child)
    if name is None:
        return ast.MapLit(span, base, entries)
    return ast.StructLit(span, name, base, entries)


def _map_content(c: Converter, node: TsNode) -> tuple[ast.Node | None, tuple[ast.Pair, ...]]:
    base: ast.Node | None = None
    children = c.children(node)
    first = children[0] if children else None
    if first is not None and first.type == "binary_operator" and c.operator(first) == "|":
        base = c.expr(c.field(first, "left"))
        children[0] = c.field(first, "right")
    entries: list[ast.Pair] = []
    for child in children:
        if child.type == "keywords":
            entries.extend(pairs(c, child, contained=True))
        elif child.type == "binary_operator" and c.operator(child) == "=>":
            refuse_open_call(c, child)
            key, value = c.expr(c.field(child, "left")), c.expr(c.field(child, "right"))
            entries.append(ast.Pair(c.span(child), key, value))
        else:
            _refuse_entry(c, child)
    return base, tuple(entries)


def _refuse_entry(c: Converter, node: TsNode) -> None:
    help = "write `name: value`, or `key => value`"
    if node.type == "binary_operator" and c.operator(node) == "=":
        key, value = (c.excerpt(c.field(node, side)) for side in ("left", "right"))
        help = f"write `{key}: {value}`"
    c.error("HNY0013", f"`{c.excerpt(node)}` is not an entry of a map or struct", c.span(node), help=help)
