# SPDX-License-Identifier: Apache-2.0
"""``Enum`` over ranges with constant bounds, and over lists whose length is known when the module is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import arithmetic, binding, conditions, loops, membership
from honey.analysis.values import BoolValue, IntValue, ListValue, Value, integer
from honey.ir import nodes as n
from honey.syntax import ast

if TYPE_CHECKING:
    from collections.abc import Callable

    from honey.analysis.conditions import Condition
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table


def _elements(fl: Lowering, node: ast.Node) -> list[Value]:
    return loops.elements(fl, fl.required(fl.value(node), node.span, "Protocol.UndefinedError"), node.span)


def _map(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.map(list, fun)``: the list of the results."""
    del name
    items, function = _elements(fl, node.args[0]), loops.function_of(fl, node.args[1])
    results = []
    for item in items:
        result = loops.applied(fl, function, [item], node.span)
        results.append(binding.kept(fl, "", fl.settled(result), node.span))
    return ListValue(tuple(results))


def _count(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.count(list)``."""
    del name
    return integer(len(_elements(fl, node.args[0])))


def _at(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.at(list, index)`` with a constant index."""
    del name
    items, index = _elements(fl, node.args[0]), arithmetic.number(fl, node.args[1]).constant
    if index is None or not -len(items) <= index < len(items):
        raise fl.mistake(
            "HNY0211", f"`Enum.at` takes a constant index into the list's {len(items)} elements", node.span
        )
    return items[index]


def _member(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.member?(list, value)`` is ``value in list``."""
    del name
    return BoolValue(membership.contains(fl, node.args[1], node.args[0], node.span).expr)


def _quantified(combine: Callable[[Condition, Condition], Condition], *, of_none: bool) -> LibraryCall:
    """``Enum.any?``, ``Enum.all?``: the function is called for every element."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        items, function = _elements(fl, node.args[0]), loops.function_of(fl, node.args[1])
        result = conditions.known(of_none)
        for item in items:
            value = binding.kept(fl, "", fl.settled(loops.applied(fl, function, [item], node.span)), node.span)
            result = combine(result, conditions.truth(fl, value, node.span))
        return BoolValue(result.expr)

    return call


def _extreme(op: n.BinaryOp) -> LibraryCall:
    """``Enum.max(list)``, ``Enum.min(list)``."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        numbers = [arithmetic.number_of(fl, item, node.span) for item in _elements(fl, node.args[0])]
        if not numbers:
            raise fl.mistake("HNY0211", "an empty list has no largest or smallest element", node.span)
        result: IntValue = numbers[0]
        for number in numbers[1:]:
            result = arithmetic.extreme(fl, op, result, number, node.span)
        return result

    return call


TABLES: dict[str, Table] = {
    "Enum": {
        ("map", 2): _map,
        ("count", 1): _count,
        ("at", 2): _at,
        ("member?", 2): _member,
        ("any?", 2): _quantified(conditions.either, of_none=False),
        ("all?", 2): _quantified(conditions.both, of_none=True),
        ("max", 1): _extreme(n.BinaryOp.GT),
        ("min", 1): _extreme(n.BinaryOp.LT),
        ("each", 2): loops.enum_each,
        ("reduce", 2): loops.enum_reduce_from_first,
        ("reduce", 3): loops.enum_reduce,
        ("sum", 1): loops.enum_sum,
    }
}
