# SPDX-License-Identifier: Apache-2.0
"""Parentheses, anonymous functions and `->` clauses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.syntax import ast
from honey.syntax.convert import collections
from honey.syntax.convert.refusals import refuse_joined_word

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter
    from honey.syntax.source import Span


def parentheses(c: Converter, node: TsNode) -> ast.Node:
    inner = clauses_or_block(c, c.children(node), c.span(node))
    if isinstance(inner, ast.Block) and len(inner.exprs) == 1:
        return inner.exprs[0]
    return inner


def fn(c: Converter, node: TsNode) -> ast.Node:
    refuse_joined_word(c, node.children[0])
    refuse_joined_word(c, node.children[-1])
    clauses = _clauses(c, c.children(node))
    if not clauses:
        return c.error("HNY0009", "this `fn` has no `->`", c.span(node), help="write `fn argument -> result end`")
    return ast.Fn(c.span(node), clauses)


def clauses_or_block(c: Converter, nodes: Sequence[TsNode], span: Span) -> ast.Block | ast.Clauses:
    """What a `do` or parentheses enclose: `->` clauses, or expressions one after the other."""
    if not any(node.type == "stab_clause" for node in nodes):
        return c.block(nodes, span)
    clauses = _clauses(c, nodes)
    return ast.Clauses(clauses[0].span.to(clauses[-1].span), clauses)


def _clauses(c: Converter, nodes: Sequence[TsNode]) -> tuple[ast.Clause, ...]:
    clauses: list[ast.Clause] = []
    for node in nodes:
        if node.type == "stab_clause":
            clauses.append(_clause(c, node))
        else:
            message = f"`{c.excerpt(node)}` stands among `->` clauses, but is none"
            c.error("HNY0007", message, c.span(node), help="write `pattern -> result`")
    return tuple(clauses)


def _clause(c: Converter, node: TsNode) -> ast.Clause:
    span = c.span(node)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    guard: ast.Node | None = None
    if left is not None and left.type == "binary_operator":
        operator = left.child_by_field_name("operator")
        if operator is not None:
            refuse_joined_word(c, operator)
        guard = c.expr(c.field(left, "right"))
        left = c.field(left, "left")
    patterns = _patterns(c, left) if left is not None else ()
    body = c.block(c.children(right), span) if right is not None else ast.Block(span, ())
    return ast.Clause(span, patterns, guard, body)


def _patterns(c: Converter, node: TsNode) -> tuple[ast.Node, ...]:
    """The patterns of a clause; keywords may come last."""
    children = c.children(node)
    if len(children) == 1 and children[0].type == "block" and not children[0].named_children:
        return ()  # `fn (`, a line end, `) -> ...`
    return tuple(
        collections.keywords(c, child, contained=False) if child.type == "keywords" else c.expr(child)
        for child in children
    )
