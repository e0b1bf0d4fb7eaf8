# SPDX-License-Identifier: Apache-2.0
"""Functions as values: ``&(&1 + 1)``, ``&name/1`` and ``&+/2`` as what they stand for, and the calls of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from honey.analysis import binding, conditions
from honey.analysis.control import clauses
from honey.analysis.scope import Scope
from honey.analysis.storage import Join
from honey.analysis.syntax_tree import walk
from honey.analysis.values import FunctionValue, OptionalValue, UnionValue, Value, describe
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import fields, replace
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.flow import Sink
    from honey.analysis.lowering import Lowering

_PREFIX = "&"


def _of_c(fl: Lowering, expr: ast.Node) -> str | None:
    """C's address of a variable is not needed."""
    if not isinstance(expr, ast.Var):
        return None
    if expr.name in fl.unit.module.maps:
        return f"a map is named by its atom: `:{expr.name}`"
    return f"there is no address to take: write `{expr.name}`"


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
        raise fl.mistake("HNY0107", "a capture has arguments `&1`, `&2`, ...", node.span, help=_of_c(fl, node.expr))
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


# ---------------------------------------------------------------- calls


def apply(fl: Lowering, function: FunctionValue, values: Sequence[Value], span: Span, sink: Sink) -> None:
    """Calls an anonymous function in place; its body sees the names of where it was made."""
    wanted = len(function.fn.clauses[0].patterns) if function.fn.clauses else len(values)
    if wanted != len(values):
        raise fl.mistake("HNY0604", f"this function takes {wanted} arguments, and is given {len(values)}", span)
    outer = fl.scope
    fl.scope = Scope(outer, function.names)
    try:
        clauses(fl, function.fn.clauses, list(values), span, sink, "FunctionClauseError")
    finally:
        fl.scope = outer


def applied(fl: Lowering, function: FunctionValue, values: Sequence[Value], span: Span, name: str = "") -> Value:
    """The value of an anonymous function's call."""
    sink = Join(fl, name, span)
    apply(fl, function, values, span, sink)
    return sink.result(fl)


def function_of(fl: Lowering, node: ast.Node) -> FunctionValue:
    """The function that an argument is."""
    value = fl.settled(fl.value(node))
    if not isinstance(value, FunctionValue):
        raise fl.mistake(
            "HNY0200", f"expected a function, got {describe(value)}", node.span, help="write `fn x -> ... end`"
        )
    return value


def anonymous_call(fl: Lowering, node: ast.Apply, name: str) -> Value:
    """``f.(x)``."""
    function = fl.settled(fl.value(node.function))
    if isinstance(function, OptionalValue):
        function = fl.required(function, node.function.span, "BadFunctionError")
    values = [binding.kept(fl, "", fl.settled(value), node.span) for value in fl.operands(node.args)]
    sink = Join(fl, name, node.span)
    numbers = sorted(fl.scope.alternatives(function)) if isinstance(function, UnionValue) else ()
    _apply_one(fl, function, numbers, values, node, sink)
    return sink.result(fl)


def _apply_one(
    fl: Lowering, function: Value, numbers: Sequence[int], values: Sequence[Value], node: ast.Apply, sink: Sink
) -> None:
    """Calls the one of several functions that ``function`` is, which are told apart when the program runs."""
    if isinstance(function, FunctionValue):
        apply(fl, function, values, node.span, sink)
        return
    if not isinstance(function, UnionValue):
        raise fl.mismatch("a function", function, node.function.span)
    first = function.alternatives[numbers[0]]
    if len(numbers) == 1:
        _apply_one(fl, first, (), values, node, sink)
        return
    here = n.Binary(n.BinaryOp.EQ, function.tag, n.Const(numbers[0], t.U64), t.BOOL)
    conditions.branch_on(
        fl,
        conditions.Condition(here),
        lambda: _apply_one(fl, first, (), values, node, sink),
        lambda: _apply_one(fl, function, numbers[1:], values, node, sink),
        node.span,
    )
