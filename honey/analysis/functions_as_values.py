# SPDX-License-Identifier: Apache-2.0
"""``&(&1 + 1)``, ``&name/1`` and ``&+/2`` as the functions that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from honey.analysis.syntax_tree import walk
from honey.analysis.values import FunctionValue, Value
from honey.records import fields, replace
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

_PREFIX = "&"


def capture(fl: Lowering, node: ast.Capture, name: str) -> Value:
    """A capture as an anonymous function."""
    del name
    match node.expr:
        case ast.Binary(op="/", left=ast.Var() | ast.Call() | ast.Dot() as called, right=ast.Int(value=arity)):
            body = _call(called, arity)
        case expr:
            arity = max((found.index for found in walk(expr) if isinstance(found, ast.CaptureArg)), default=0)
            body = _named(expr)
    if not 0 < arity <= 9:
        raise fl.mistake("HNY0107", "a capture has arguments `&1`, `&2`, ...", node.span)
    patterns = tuple(ast.Var(node.span, f"{_PREFIX}{i}") for i in range(1, arity + 1))
    clause = ast.Clause(node.span, patterns, None, ast.Block(node.span, (body,)))
    return FunctionValue(ast.Fn(node.span, (clause,)), fl.scope.closure())


def _call(called: ast.Node, arity: int) -> ast.Node:
    args = tuple(ast.Var(called.span, f"{_PREFIX}{i}") for i in range(1, arity + 1))
    match called:
        case ast.Dot(target=target, name=name, name_span=span):
            return ast.Call(called.span, target, name, span, args, None)
        case ast.Call(target=target, name=name, name_span=span):
            return ast.Call(called.span, target, name, span, args, None)
        case ast.Var(name=name) if arity == 2 and not name[0].isidentifier():
            return ast.Binary(called.span, name, called.span, *args)
        case ast.Var(name=name) if arity == 1 and not name[0].isidentifier():
            return ast.Unary(called.span, name, *args)
        case _:
            assert isinstance(called, ast.Var)
            return ast.Call(called.span, None, called.name, called.span, args, None)


def _named(node: Any) -> Any:
    """``node`` with ``&1`` replaced by the name of a parameter."""
    if isinstance(node, tuple):
        return tuple(_named(item) for item in node)
    if isinstance(node, ast.CaptureArg):
        return ast.Var(node.span, f"{_PREFIX}{node.index}")
    if not isinstance(node, ast.Node) or isinstance(node, ast.Capture):
        return node
    changes = {}
    for field in fields(node):
        before = getattr(node, field.name)
        after = _named(before)
        if after is not before:
            changes[field.name] = after
    return replace(node, **changes) if changes else node


def capture_argument(fl: Lowering, node: ast.CaptureArg, name: str) -> Value:
    """``&1`` outside of a capture."""
    del name
    raise fl.mistake("HNY0107", f"`&{node.index}` has no meaning outside of `&(...)`", node.span)
