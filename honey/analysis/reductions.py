# SPDX-License-Identifier: Apache-2.0
"""``Enum.reduce`` and ``for`` with ``reduce:``: a value that each turn makes anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import binding
from honey.analysis.functions_as_values import applied, function_of
from honey.analysis.joins import join
from honey.analysis.loops import collection, each, elements, parameter, unknown_length
from honey.analysis.lowering import read
from honey.analysis.shapes import (
    IntShape,
    OptionalShape,
    SequenceShape,
    Shape,
    UnionShape,
    component_names,
    component_types,
    rebuild,
    shape_of,
)
from honey.analysis.storage import components
from honey.analysis.values import FunctionValue, ListValue, NeverValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import uses
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

_ROUNDS = 32
"""How often the kind of an accumulator may grow: a state machine may come to one more of its atoms in each turn."""


def enum_reduce_from_first(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.reduce([1, 2, 3], fn i, acc -> ... end)``: the first element is where the accumulator starts."""
    items = elements(fl, collection(fl, node.args[0]), node.args[0].span)
    if not items:
        raise fl.mistake("HNY0211", "an empty list has no first element to start with", node.args[0].span)
    function, value = function_of(fl, node.args[1]), items[0]
    for item in items[1:]:
        value = binding.kept(fl, name, applied(fl, function, [item, value], node.span, name), node.span)
    return value


def enum_reduce(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.reduce(0..9, 0, fn i, acc -> ... end)``."""
    return reduce(fl, node.args[0], node.args[1], function_of(fl, node.args[2]), node.span, name)


def reduce(fl: Lowering, source: ast.Node, start: ast.Node, function: FunctionValue, span: Span, name: str) -> Value:
    """The accumulator after all elements."""
    over = collection(fl, source)
    first = fl.settled(fl.value(start))
    if isinstance(first, NeverValue):
        return first
    if isinstance(over, ListValue):
        return _reduce_in_a_row(fl, over, first, function, span, name)
    shape = _solid(shape_of(first))
    for _ in range(_ROUNDS):
        found = _reduce_as(fl, shape, over, first, function, span, name)
        if not isinstance(found, tuple):
            return found
        if lists_of_lengths(found[0]):
            return _reduce_in_a_row(fl, over, first, function, span, name)
        shape = found[0]
    raise fl.mistake("HNY0200", "the accumulator changes its kind with each turn", start.span)


def _reduce_in_a_row(fl: Lowering, over: Value, first: Value, function: FunctionValue, span: Span, name: str) -> Value:
    """Each turn written out: an accumulator that is a list may be longer with each."""
    value = first
    for item in elements(fl, over, span):
        if lists_of_lengths(shape_of(value)):
            raise unknown_length(
                fl, "how long this list is, is known only when the program runs; lists have a fixed length", function.fn
            )
        value = binding.kept(fl, name, applied(fl, function, [item, value], span, name), span)
    return value


def _reduce_as(
    fl: Lowering, shape: Shape, over: Value, first: Value, function: FunctionValue, span: Span, name: str
) -> Value | tuple[Shape]:
    """The loop with an accumulator of ``shape``, or the shape that it should have instead."""
    before, scope = len(fl.code), fl.scope
    names = component_names(shape, name or "acc")
    locals_ = [fl.fresh(part, type_) for part, type_ in zip(names, component_types(shape), strict=True)]
    for local, part in zip(locals_, components(fl, first, shape, span), strict=True):
        fl.code.append(n.Let(local, part, span))
        fl.owned.add(local.id)
    accumulator = rebuild(shape, [read(local) for local in locals_])
    wider: list[Shape] = []

    def turn(value: Value) -> None:
        result = fl.settled(applied(fl, function, [value, accumulator], span))
        if isinstance(result, NeverValue):
            return
        joined = _solid(join(shape, shape_of(result)))
        if joined != shape:
            wider.append(joined)
            return
        parts = components(fl, result, shape, span)
        for index, part in enumerate(parts[1:], 1):
            if part is not None and uses(part).keys() & {local.id for local in locals_[:index]}:
                parts[index] = fl.let("", part, span)
        for local, part in zip(locals_, parts, strict=True):
            if part is not None:
                fl.assign(n.LocalPlace(local), part, span)

    each(fl, over, turn, span, parameter(function))
    if wider:
        del fl.code[before:]
        fl.scope = scope
        return (wider[0],)
    return rebuild(shape, [read(local) for local in locals_])


def _solid(shape: Shape) -> Shape:
    """An accumulator counts with 64 bits, whatever it starts as."""
    match shape:
        case IntShape(type_) if not type_.big_endian:
            return IntShape(t.Int(64, type_.signed))
        case SequenceShape(items, kind, names):
            return SequenceShape(tuple(_solid(item) for item in items), kind, names)
        case _:
            return shape


def lists_of_lengths(shape: Shape) -> bool:
    """Whether the shape holds, somewhere in it, a list that is of one of several lengths."""
    match shape:
        case UnionShape(alternatives):
            lists = {len(one.items) for one in alternatives if isinstance(one, SequenceShape) and one.kind == "list"}
            return len(lists) > 1 or any(map(lists_of_lengths, alternatives))
        case SequenceShape(items):
            return any(map(lists_of_lengths, items))
        case OptionalShape(inner):
            return lists_of_lengths(inner)
        case _:
            return False
