# SPDX-License-Identifier: Apache-2.0
"""Calls with their arguments and `do` blocks, fields, and access with brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from honey.syntax import ast
from honey.syntax.convert import blocks, collections, names, quotes
from honey.syntax.convert.refusals import (
    refuse_alias_after,
    refuse_before_dot,
    refuse_joined_word,
    refuse_open_arguments,
    refuse_open_call,
    refuse_split_access,
    refuse_split_block,
    refuse_split_parentheses,
)

if TYPE_CHECKING:
    from tree_sitter import Node as TsNode

    from honey.syntax.convert.converter import Converter
    from honey.syntax.source import Span

    Section: TypeAlias = ast.Block | ast.Clauses

_SECTIONS = {"do": "body", "else": "else_", "rescue": "rescue", "catch": "catch", "after": "after"}


def index(c: Converter, node: TsNode) -> ast.Index:
    target, key = c.field(node, "target"), c.field(node, "key")
    refuse_split_access(c, node, target)
    refuse_open_call(c, key)
    return ast.Index(c.span(node), c.expr(target), c.expr(key))


def dot(c: Converter, node: TsNode) -> ast.Node:
    """`a.b`, `A.{B, C}`, `__MODULE__.B`."""
    left, right = c.field(node, "left"), c.field(node, "right")
    refuse_before_dot(c, left)
    base = c.expr(left)
    if right.type == "tuple":
        return ast.MultiAlias(c.span(node), base, collections.contained(c, c.children(right)))
    if right.type == "alias":
        if isinstance(base, ast.Var):
            return ast.Alias(c.span(node), (base.name, *names.alias(c, right).parts))
        return refuse_alias_after(c, right)
    return ast.Dot(c.span(node), base, _member(c, right), c.span(right))


def _member(c: Converter, node: TsNode) -> str:
    """The name on the right of a dot."""
    if node.type == "operator_identifier" and (c.text(node) == "->" or c.text(node)[0].isalpha()):
        c.error("HNY0007", f"`{c.text(node)}` is no name", c.span(node), help="a field is reached with a dot alone")
    if node.type in ("string", "charlist"):
        atom = quotes.atom(c, node)
        return atom.name if isinstance(atom, ast.Atom) else ""
    return names.name(c, node)


def call(c: Converter, node: TsNode) -> ast.Node:
    target = c.field(node, "target")
    arguments = block = None
    for child in c.children(node):
        if child.type == "arguments":
            arguments = child
        elif child.type == "do_block":
            block = child
    if target.type == "dot" and arguments is None and block is None:
        return dot(c, target)
    args = _arguments(c, arguments, target) if arguments is not None else ()
    if block is not None and arguments is None:
        refuse_split_block(c, block, target)
    if block is None:
        args, do_block = _split_keywords(c, args)
    else:
        do_block = _do_block(c, block)
    if target.type == "identifier":
        name = names.identifier(c, target)
        if not isinstance(name, ast.Var):
            return name
        return ast.Call(c.span(node), None, name.name, name.span, args, do_block)
    if target.type == "dot":
        return _remote_call(c, node, target, args, do_block)
    if target.type == "call" and block is None and do_block is None:
        inner = c.expr(target)
        if isinstance(inner, ast.Call) and (inner.target, inner.name, len(inner.args)) == (None, "unquote", 1):
            return ast.UnquotedCall(c.span(node), inner.args[0], args)
    help = "bind it to a variable `f` and call it with `f.(...)`"
    return c.error("HNY0014", "the result of a call cannot be called", c.span(node), help=help)


def _remote_call(
    c: Converter, node: TsNode, target: TsNode, args: tuple[ast.Node, ...], do_block: ast.DoBlock | None
) -> ast.Node:
    """`target.name(...)`, or `function.(...)` where nothing stands after the dot."""
    span = c.span(node)
    left = c.field(target, "left")
    refuse_before_dot(c, left)
    right = target.child_by_field_name("right")
    if right is not None:
        return ast.Call(span, c.expr(left), _member(c, right), c.span(right), args, do_block)
    if do_block is not None:
        return c.error("HNY0007", "the call of a function value takes no `do`", span)
    return ast.Apply(span, c.expr(left), args)


def _arguments(c: Converter, node: TsNode, target: TsNode) -> tuple[ast.Node, ...]:
    children = c.children(node)
    parentheses = node.children[0].type == "("
    if parentheses:
        refuse_split_parentheses(c, node, target)
    else:
        refuse_open_arguments(c, node, target)
    if len(children) > 1:
        for child in children:
            if child.type != "keywords":
                refuse_open_call(c, child)
    if not children or children[-1].type != "keywords":
        return tuple(c.expr(child) for child in children)
    keywords = collections.keywords(c, children[-1], contained=parentheses)
    return (*(c.expr(child) for child in children[:-1]), keywords)


# --- do blocks ------------------------------------------------------------------------------------------------------


def _split_keywords(c: Converter, args: tuple[ast.Node, ...]) -> tuple[tuple[ast.Node, ...], ast.DoBlock | None]:
    """Takes `do: a, else: b` out of the arguments, as the block that it is."""
    last = args[-1] if args else None
    if not isinstance(last, ast.KeywordList) or last.get("do") is None:
        return args, None
    sections: dict[str, Section] = {}
    rest: list[ast.Pair] = []
    for pair in last.pairs:
        name = pair.key.name if isinstance(pair.key, ast.Atom) else ""
        if name in _SECTIONS:
            value = pair.value
            section = value if isinstance(value, ast.Block | ast.Clauses) else ast.Block(value.span, (value,))
            _add_section(c, sections, name, section, pair.key.span)
        else:
            rest.append(pair)
    remaining = args[:-1]
    if rest:
        remaining = (*remaining, ast.KeywordList(rest[0].span.to(rest[-1].span), tuple(rest)))
    return remaining, ast.DoBlock(last.span, **sections)


def _do_block(c: Converter, node: TsNode) -> ast.DoBlock:
    refuse_joined_word(c, node.children[0])
    refuse_joined_word(c, node.children[-1])
    sections: dict[str, Section] = {}
    body: list[TsNode] = []
    for child in c.children(node):
        if child.type in ("else_block", "rescue_block", "catch_block", "after_block"):
            word = child.children[0]
            refuse_joined_word(c, word)
            inner = blocks.clauses_or_block(c, c.children(child), c.span(child))
            _add_section(c, sections, c.text(word), inner, c.span(word))
        else:
            body.append(child)
    sections["body"] = blocks.clauses_or_block(c, body, c.span(node))
    return ast.DoBlock(c.span(node), **sections)


def _add_section(c: Converter, sections: dict[str, Section], name: str, value: Section, span: Span) -> None:
    if _SECTIONS[name] in sections:
        c.error("HNY0007", f"a second `{name}`", span, help="keep one of them")
    sections[_SECTIONS[name]] = value
