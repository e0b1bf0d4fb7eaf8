# SPDX-License-Identifier: Apache-2.0
"""``for`` around declarations: each turn declares once more, with what ``unquote`` puts in.

for {call, number} <- [read: 0, write: 1] do
  @sec "tracepoint/syscalls/sys_enter_#{call}"
  def unquote(:"enter_#{call}")(_ctx), do: count(unquote(number))
end
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from honey.analysis.syntax_tree import rewrite
from honey.analysis.values import (
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    NilValue,
    RangeValue,
    StringValue,
    TupleValue,
    Value,
    describe,
    integer,
)
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.module import Module


def declarations(module: Module, node: ast.Call) -> Iterator[ast.Node]:
    """The declarations of a ``for`` in a module, turn by turn; while a turn lasts, its variables have their values."""
    match node.args, node.do_block:
        case (ast.Binary(op="<-", left=pattern, right=source),), ast.DoBlock(body=ast.Block(exprs=body)):
            pass
        case _:
            raise module.report.mistake(
                "HNY0107",
                "a `for` around declarations has one generator",
                node.span,
                help="`for {name, number} <- [a: 1, b: 2] do ... end`",
            )
    before = module.evaluator.variables
    try:
        for item in _items(module, source):
            module.evaluator.variables = before | _bound(module, pattern, item)
            for declaration in body:
                yield rewrite(declaration, lambda found: _filled(module, found))
    finally:
        module.evaluator.variables = before


def _items(module: Module, source: ast.Node) -> Iterator[Value]:
    value = module.evaluator.value(source)
    if isinstance(value, ListValue):
        yield from value.items
    elif isinstance(value, RangeValue):
        yield from (integer(number) for number in value.numbers)
    else:
        raise module.report.mistake("HNY0110", f"expected a list or a range, got {describe(value)}", source.span)


def _bound(module: Module, pattern: ast.Node, value: Value) -> dict[str, Value]:
    match pattern, value:
        case ast.Var(name=name), _:
            return {} if name.startswith("_") else {name: value}
        case ast.Tuple(items=parts), TupleValue(items) if len(parts) == len(items):
            pairs = zip(parts, items, strict=True)
            return {name: part for inner, item in pairs for name, part in _bound(module, inner, item).items()}
        case _:
            raise module.report.mistake("HNY0605", f"this pattern does not match {describe(value)}", pattern.span)


def _filled(module: Module, node: ast.Node) -> ast.Node:
    match node:
        case ast.Call(target=None, name="unquote", args=(inner,), do_block=None):
            return _literal(module, module.evaluator.value(inner), node)
        case ast.UnquotedCall(name=name, args=args):
            value = module.evaluator.value(name)
            if not isinstance(value, AtomValue):
                raise module.report.mistake(
                    "HNY0107", f"a function's name is an atom, not {describe(value)}", name.span
                )
            return ast.Call(node.span, None, value.name, name.span, args, None)
        case _:
            return node


def _literal(module: Module, value: Value, node: ast.Node) -> ast.Node:
    """A value as it would be written."""
    match value:
        case IntValue() if value.constant is not None:
            number = ast.Int(node.span, abs(value.constant))
            return number if value.constant >= 0 else ast.Unary(node.span, "-", number)
        case BoolValue() if value.constant is not None:
            return ast.Atom(node.span, "true" if value.constant else "false")
        case NilValue():
            return ast.Atom(node.span, "nil")
        case AtomValue(name):
            return ast.Atom(node.span, name)
        case StringValue(data):
            text = data.decode(errors="surrogateescape")
            return ast.Str(node.span, (text,) if text else ())
        case TupleValue(items):
            return ast.Tuple(node.span, tuple(_literal(module, item, node) for item in items))
        case ListValue(items):
            return ast.ListLit(node.span, tuple(_literal(module, item, node) for item in items), None)
        case _:
            raise module.report.mistake("HNY0110", f"{describe(value)} cannot be put into a declaration", node.span)
