# SPDX-License-Identifier: Apache-2.0
"""What tree-sitter's grammar accepts and Elixir's does not.

Found by giving both parsers the same mutated sources (`tests/honey/test_syntax_elixir.py` does it still).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.syntax import ast

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter

_LOOSER_THAN_CAPTURE = frozenset({"|", "::", "when", "<-", "\\\\"})


def refuse_joined_word(c: Converter, node: TsNode) -> None:
    """tree-sitter ends a reserved word too early in `do2`, `do@a`, `endend`, `fnx`, `when:x`, and knows `notin`."""
    after = c.source.data[node.end_byte : node.end_byte + 2]
    if after[:1].isalnum() or after[:1] in (b"_", b"@") or (after[:1] == b":" and after != b"::"):
        c.error("HNY0007", f"a space is missing after `{c.excerpt(node)}`", c.span(node))
    if c.text(node) == "notin":
        c.error("HNY0007", "a space is missing in `not in`", c.span(node))


def refuse_open_call(c: Converter, node: TsNode) -> None:
    """Between commas, a call with several arguments needs parentheses: `[f a, b]` could mean two things."""
    call = _open_call(c, node)
    if call is not None:
        name = c.excerpt(c.field(call, "target"))
        message = f"it is not clear which arguments belong to `{name}`"
        c.error("HNY0016", message, c.span(call), help=f"put them into parentheses: `{name}(...)`")


def _open_call(c: Converter, node: TsNode) -> TsNode | None:
    """The call with several arguments and without parentheses that ends `node`, if there is one: `x + f a, b`."""
    while True:
        if node.type == "binary_operator":
            node = c.field(node, "right")
        elif node.type == "unary_operator":
            node = node.children[-1]
        elif node.type == "call":
            last = [child for child in node.named_children if child.type != "comment"][-1]
            if last.type != "arguments" or last.children[0].type == "(":
                return None
            arguments = [child for child in last.named_children if child.type != "comment"]
            if len(arguments) > 1:
                return node
            node = arguments[0]
        else:
            return None


def refuse_open_capture(c: Converter, node: TsNode, operand: TsNode) -> None:
    """For Elixir `& a | b` is `(& a) | b`; tree-sitter has it the other way round."""
    if operand.type == "binary_operator" and c.operator(operand) in _LOOSER_THAN_CAPTURE:
        after_ampersand = node.children[1]
        if after_ampersand.type != "(":
            c.error("HNY0016", "it is not clear how far this `&` reaches", c.span(node), help="write `&(...)`")


def refuse_operator_of_capture(c: Converter, node: TsNode, operator: TsNode) -> None:
    """For Elixir `&(&1) + 1` is `&((&1) + 1)`; tree-sitter ends the capture at the parenthesis."""
    if operator.type not in _LOOSER_THAN_CAPTURE:
        refuse_capture_before(c, c.field(node, "left"))


def refuse_capture_before(c: Converter, node: TsNode) -> None:
    """A capture that something follows which Elixir takes to be inside it."""
    if node.type == "unary_operator" and c.operator(node) == "&" and node.children[1].type != "integer":
        c.error("HNY0016", "it is not clear how far this `&` reaches", c.span(node), help="write `(&...)`")


def refuse_leading_sign(c: Converter, node: TsNode, operator: TsNode) -> None:
    """At the start of a line Elixir takes `+` and `-` for signs; tree-sitter does not where a `->` clause may begin."""
    if operator.start_point[0] != c.field(node, "left").end_point[0]:
        c.breaks.append(operator.start_byte)
        help = "move it to the end of the line before"
        c.error("HNY0007", f"a line cannot start with the operator `{operator.type}`", c.span(operator), help=help)


def refuse_open_arguments(c: Converter, node: TsNode, target: TsNode) -> None:
    """Arguments without parentheses start on the line of the name, after a space, and not with `+ ` or `- `."""
    name = c.excerpt(target)
    if target.end_byte == node.start_byte and c.text(node)[0] in ":@+-":
        c.error("HNY0007", f"a space is missing after `{name}`", c.span(node))
    if target.end_point[0] != node.start_point[0]:
        c.error("HNY0007", f"a comma or an operator is missing after `{name}`", c.span(target))
    first = node.named_children[0]
    while first.type in ("binary_operator", "access_call"):
        first = first.named_children[0]
    if first.type == "unary_operator" and (op := c.operator(first)) in ("+", "-"):
        after = c.source.data[first.start_byte + 1 : first.start_byte + 2]
        if after in b" \t\r\n([<{%+-/>:":
            message = f"it is not clear whether `{op}` joins two values or is a sign"
            help = f"write `{name} {op} ...` with a space on both sides, or `{name}({op}...)` for a call"
            c.error("HNY0016", message, c.span(first), help=help)


def refuse_split_parentheses(c: Converter, node: TsNode, target: TsNode) -> None:
    if target.end_byte != node.start_byte:
        if target.end_point[0] != node.start_point[0]:
            c.breaks.append(node.start_byte)
        name = c.excerpt(target)
        message = f"nothing stands between `{name}` and its parentheses"
        c.error("HNY0007", message, c.span(target), help=f"write `{name}(...)`")


def refuse_split_access(c: Converter, node: TsNode, target: TsNode) -> None:
    bracket = next(child for child in node.children if child.type == "[")
    if bracket.start_byte != target.end_byte:
        if target.end_point[0] != bracket.start_point[0]:
            c.breaks.append(bracket.start_byte)
        c.error("HNY0007", f"a comma or an operator is missing after `{c.excerpt(target)}`", c.span(target))


def refuse_split_block(c: Converter, block: TsNode, target: TsNode) -> None:
    if block.start_point[0] != target.end_point[0]:
        c.error("HNY0007", "`do` stands on the line of its call", c.span(block.children[0]))


def refuse_before_dot(c: Converter, node: TsNode) -> None:
    """`f x do ... end.field`: Elixir's grammar has no such thing, and `&f.field` is `&(f.field)`."""
    refuse_capture_before(c, node)
    if node.type == "call" and node.children[-1].type == "do_block":
        c.error("HNY0007", "a block with `do` cannot stand before a dot", c.span(node), help="bind it to a name first")


def refuse_alias_after(c: Converter, node: TsNode) -> ast.Invalid:
    """`f().Name`, `:atom.Name`."""
    return c.error("HNY0014", f"`{c.excerpt(node)}` is a module's name and no field", c.span(node))


def refuse_space_in_map(c: Converter, node: TsNode) -> None:
    percent, following = node.children[0], node.children[1]
    if percent.end_byte != following.start_byte:
        c.error("HNY0007", "no space stands after the `%` of a map or struct", c.span(percent))
