# SPDX-License-Identifier: Apache-2.0
"""What each kind of syntax node means as an expression."""

from __future__ import annotations

from honey.analysis import access, calls, expressions, flow, operators
from honey.analysis.lowering import Handler, Lowering
from honey.analysis.values import Value
from honey.syntax import ast


def _function(fl: Lowering, node: ast.Node, name: str) -> Value:
    """What has to do with functions as values, of which most sources have none."""
    from honey.analysis import functions_as_values

    match node:
        case ast.Apply():
            return functions_as_values.anonymous_call(fl, node, name)
        case ast.Capture():
            return functions_as_values.capture(fl, node, name)
        case _:
            assert isinstance(node, ast.CaptureArg)
            return functions_as_values.capture_argument(fl, node, name)


HANDLERS: dict[type[ast.Node], Handler] = {
    ast.Int: expressions.integer_literal,
    ast.Float: expressions.float_literal,
    ast.Str: expressions.string_literal,
    ast.Charlist: expressions.string_literal,
    ast.Sigil: expressions.string_literal,
    ast.Atom: expressions.atom_literal,
    ast.Var: expressions.variable,
    ast.Attribute: expressions.attribute,
    ast.Alias: expressions.alias,
    ast.Tuple: expressions.tuple_literal,
    ast.ListLit: expressions.list_literal,
    ast.KeywordList: expressions.keyword_list,
    ast.MapLit: expressions.map_literal,
    ast.StructLit: expressions.struct_literal,
    ast.Dot: access.dot,
    ast.Index: access.index,
    ast.Fn: expressions.function_literal,
    ast.Binary: operators.binary,
    ast.Unary: operators.unary,
    ast.Call: calls.call,
    ast.Apply: _function,
    ast.Capture: _function,
    ast.Block: flow.block,
    ast.AtomText: expressions.atom_text,
    ast.UnquotedCall: expressions.no_meaning,
    ast.Pin: expressions.no_meaning,
    ast.CaptureArg: _function,
    ast.MultiAlias: expressions.no_meaning,
    ast.Bitstring: expressions.no_meaning,
    ast.Pair: expressions.no_meaning,
    ast.Clauses: expressions.no_meaning,
    ast.Clause: expressions.no_meaning,
    ast.DoBlock: expressions.no_meaning,
    ast.Interpolation: expressions.no_meaning,
    ast.Invalid: expressions.no_meaning,
    ast.File: expressions.no_meaning,
}
"""Every node class that an expression can be is here: nothing is dropped in silence."""
