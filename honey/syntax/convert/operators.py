# SPDX-License-Identifier: Apache-2.0
"""Unary and binary operators, module attributes, captures and pins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from honey.syntax import ast
from honey.syntax.convert import names, numbers
from honey.syntax.convert.refusals import (
    refuse_joined_word,
    refuse_leading_sign,
    refuse_open_capture,
    refuse_operator_of_capture,
)

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter
    from honey.syntax.source import Span

_WORDS = frozenset({"not in", "in", "and", "or", "when"})


def unary(c: Converter, node: TsNode) -> ast.Node:
    op, span = c.operator(node), c.span(node)
    operand = c.field(node, "operand")
    if op == "@":
        return _attribute(c, operand, span)
    if op == "&":
        if operand.type == "integer":
            return ast.CaptureArg(span, numbers.integer(c, operand).value)
        refuse_open_capture(c, node, operand)
        return ast.Capture(span, _captured(c, operand))
    if op == "^":
        if operand.type != "identifier":
            return c.error("HNY0014", "only a variable can be pinned", span, help=_exclusive_or(c, node, operand))
        name = names.identifier(c, operand)
        return ast.Pin(span, name.name) if isinstance(name, ast.Var) else name
    if op == "not":
        refuse_joined_word(c, node.children[0])
    return ast.Unary(span, op, c.expr(operand))


def _captured(c: Converter, node: TsNode) -> ast.Node:
    """What `&` stands before. Only in `&+/2` may an operator be a name."""
    if node.type == "binary_operator" and c.operator(node) == "/":
        left, right = c.field(node, "left"), c.field(node, "right")
        operator = node.child_by_field_name("operator")
        if left.type == "operator_identifier" and operator is not None and left.end_byte == operator.start_byte:
            name = ast.Var(c.span(left), c.text(left))
            return ast.Binary(c.span(node), "/", c.span(operator), name, c.expr(right))
    return c.expr(node)


def _exclusive_or(c: Converter, node: TsNode, operand: TsNode) -> str:
    """What to write in place of `^` and a value: C's exclusive or, if another value stands before it on the line."""
    line = c.source.line_start(node.start_point[0] + 1)
    before = re.search(r"[\w.)\]]+(?= *\Z)", c.source.data[line : node.start_byte].decode(errors="replace"))
    if before is None:
        return "bind it to a name first"
    return f"exclusive or is `bxor({before[0]}, {c.excerpt(operand)})`"


def _attribute(c: Converter, node: TsNode, span: Span) -> ast.Node:
    operand = c.expr(node)
    if isinstance(operand, ast.Invalid):
        return operand
    if isinstance(operand, ast.Var):
        return ast.Attribute(span, operand.name, None)
    if isinstance(operand, ast.Call) and operand.target is None and operand.do_block is None and len(operand.args) < 2:
        return ast.Attribute(span, operand.name, operand.args[0] if operand.args else None)
    help = "put several values into a list `[a, b]` or a tuple `{a, b}`"
    return c.error("HNY0014", "an attribute is `@name` or `@name value`", span, help=help)


def binary(c: Converter, node: TsNode) -> ast.Node:
    op, span = c.operator(node), c.span(node)
    left, right = c.expr(c.field(node, "left")), c.expr(c.field(node, "right"))
    operator = node.child_by_field_name("operator")
    op_span = c.span(operator) if operator is not None else span
    if operator is not None:
        refuse_operator_of_capture(c, node, operator)
        if op in ("+", "-"):
            refuse_leading_sign(c, node, operator)
        elif op in _WORDS:
            refuse_joined_word(c, operator)
    if op == "not in":
        return ast.Unary(span, "not", ast.Binary(span, "in", op_span, left, right))
    if op == "in" and isinstance(left, ast.Unary) and left.op in ("not", "!"):
        # Elixir reads `not a in b` as `not (a in b)`.
        return ast.Unary(span, left.op, ast.Binary(span, "in", op_span, left.operand, right))
    if op == "//" and not (isinstance(left, ast.Binary) and left.op == ".."):
        help = "start a comment with `#`; a default argument is written `name \\\\ value`"
        return c.error("HNY0008", "`//` stands only after a range, as in `0..9//3`", op_span, help=help)
    if op == "=>":
        help = "write `->` in a clause"
        return c.error("HNY0013", "`=>` stands only between the braces of a map or struct", op_span, help=help)
    return ast.Binary(span, op, op_span, left, right)
