# SPDX-License-Identifier: Apache-2.0
"""Functions of ``Enum`` and ``List`` that choose, cut and combine the elements of lists whose length is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import arithmetic, binding, conditions, equality, loops
from honey.analysis.functions_as_values import applied, function_of
from honey.analysis.storage import Join
from honey.analysis.values import (
    NIL,
    AtomValue,
    FunctionValue,
    IntValue,
    ListValue,
    NilValue,
    TupleValue,
    Value,
    integer,
)
from honey.ir import nodes as n
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table


def elements(fl: Lowering, node: ast.Node) -> list[Value]:
    """The elements of the list, the range or the array that ``node`` is."""
    return loops.elements(fl, fl.required(fl.value(node), node.span, "Protocol.UndefinedError"), node.span)


def _constant(fl: Lowering, node: ast.Node, call: ast.Call) -> int:
    found = fl.constant(arithmetic.number(fl, node))
    if found is None:
        raise loops.unknown_length(fl, f"`{call.name}` takes a constant number: lists have a fixed length", call)
    return found


def _call(fl: Lowering, function: FunctionValue, values: list[Value], node: ast.Call) -> Value:
    return binding.kept(fl, "", fl.settled(applied(fl, function, values, node.span)), node.span)


def _at(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.at(list, index)``: nil, or a default, outside the list."""
    items, index = elements(fl, node.args[0]), arithmetic.number(fl, node.args[1])
    default = fl.settled(fl.value(node.args[2])) if len(node.args) > 2 else NIL
    known = fl.constant(index)
    if known is not None:
        return items[known] if -len(items) <= known < len(items) else default
    pinned = binding.kept(fl, "", index, node.span)
    assert isinstance(pinned, IntValue)
    sink = Join(fl, name, node.span)

    def search(number: int) -> None:
        if number == len(items):
            sink.take_value(fl, default, node.span)
            return
        here = equality.equal(fl, pinned, integer(number), node.span)
        if pinned.type.signed:
            from_end = equality.equal(fl, pinned, integer(number - len(items)), node.span)
            here = conditions.either(here, from_end)
        conditions.branch_on(
            fl,
            here,
            lambda: sink.take_value(fl, items[number], node.span),
            lambda: search(number + 1),
            node.span,
        )

    search(0)
    return sink.result(fl)


def _fetch(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.fetch!(list, index)``, ``Enum.fetch(list, index)`` with a constant index."""
    del name
    items, index = elements(fl, node.args[0]), _constant(fl, node.args[1], node)
    inside = -len(items) <= index < len(items)
    if node.name == "fetch":
        return TupleValue((AtomValue("ok"), items[index])) if inside else AtomValue("error")
    if not inside:
        raise fl.mistake("HNY0211", f"the index {index} is outside a list of {len(items)}", node.span, raises=True)
    return items[index]


def _number(fl: Lowering, value: Value, node: ast.Call) -> IntValue:
    return arithmetic.number_of(fl, value, node.span, ordered=True)


def _min_max(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.min_max(list)``."""
    del name
    numbers = [_number(fl, item, node) for item in elements(fl, node.args[0])]
    if not numbers:
        raise fl.mistake("HNY0211", "an empty list has no largest or smallest element", node.span, raises=True)
    least = most = numbers[0]
    for number in numbers[1:]:
        least = arithmetic.extreme(fl, n.BinaryOp.LT, least, number, node.span)
        most = arithmetic.extreme(fl, n.BinaryOp.GT, most, number, node.span)
    return TupleValue((least, most))


def _find_value(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.find_value(list, default, fun)``: the first of the function's values that is true."""
    items, function = elements(fl, node.args[0]), function_of(fl, node.args[-1])
    default = fl.settled(fl.value(node.args[1])) if len(node.args) > 2 else NIL
    sink = Join(fl, name, node.span)

    def search(number: int) -> None:
        if number == len(items):
            sink.take_value(fl, default, node.span)
            return
        value = _call(fl, function, [items[number]], node)
        conditions.branch_on(
            fl,
            _true(fl, value, node),
            lambda: sink.take_value(fl, fl.settled(value), node.span),
            lambda: search(number + 1),
            node.span,
        )

    search(0)
    return sink.result(fl)


def _true(fl: Lowering, value: Value, node: ast.Call) -> conditions.Condition:
    return conditions.known(True) if isinstance(value, IntValue) else conditions.truth(fl, value, node.span)


def _split(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.split(list, n)``: both parts; a negative number counts from the end."""
    del name
    items, count = elements(fl, node.args[0]), _constant(fl, node.args[1], node)
    at = min(count, len(items)) if count >= 0 else max(len(items) + count, 0)
    return TupleValue((ListValue(tuple(items[:at])), ListValue(tuple(items[at:]))))


def _slice(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.slice(list, start, n)``."""
    del name
    items = elements(fl, node.args[0])
    start, count = (_constant(fl, arg, node) for arg in node.args[1:])
    if count < 0:
        raise fl.mistake("HNY0211", f"a list has no {count} elements", node.args[2].span, raises=True)
    start = start if start >= 0 else len(items) + start
    return ListValue(tuple(items[start : start + count]) if start >= 0 else ())


def _with_function(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.zip_with(list, list, fun)``."""
    del name
    left, right = elements(fl, node.args[0]), elements(fl, node.args[1])
    function = function_of(fl, node.args[2])
    pairs = zip(left, right, strict=False)
    return ListValue(tuple(_call(fl, function, [one, other], node) for one, other in pairs))


def _zip_reduce(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.zip_reduce(list, list, start, fun)``."""
    left, right, value = elements(fl, node.args[0]), elements(fl, node.args[1]), fl.settled(fl.value(node.args[2]))
    function = function_of(fl, node.args[3])
    for one, other in zip(left, right, strict=False):
        value = _call(fl, function, [one, other, value], node)
    return binding.kept(fl, name, value, node.span)


def _unzip(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.unzip(pairs)``."""
    del name
    pairs = [fl.required(item, node.span) for item in elements(fl, node.args[0])]
    columns: list[Value] = []
    for index in range(2):
        column = []
        for pair in pairs:
            if not isinstance(pair, TupleValue) or len(pair.items) != 2:
                raise fl.mismatch("a list of pairs", pair, node.args[0].span)
            column.append(pair.items[index])
        columns.append(ListValue(tuple(column)))
    return TupleValue(tuple(columns))


def _scan(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.scan(list, fun)``, ``Enum.scan(list, start, fun)``: the accumulator after each turn."""
    del name
    items, function = elements(fl, node.args[0]), function_of(fl, node.args[-1])
    values: list[Value] = [fl.settled(fl.value(node.args[1]))] if len(node.args) > 2 else []
    for item in items:
        values.append(_call(fl, function, [item, values[-1]], node) if values else item)
    return ListValue(tuple(values[1:] if len(node.args) > 2 else values))


def _map_reduce(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.map_reduce(list, start, fun)``: the list of results, and the accumulator."""
    del name
    items, value = elements(fl, node.args[0]), fl.settled(fl.value(node.args[1]))
    function, results = function_of(fl, node.args[2]), []
    for item in items:
        pair = _call(fl, function, [item, value], node)
        if not isinstance(pair, TupleValue) or len(pair.items) != 2:
            raise fl.mismatch("`{result, accumulator}`", pair, node.args[2].span)
        results.append(pair.items[0])
        value = fl.settled(pair.items[1])
    return TupleValue((ListValue(tuple(results)), value))


def _fold(*, is_right: bool) -> LibraryCall:
    """``List.foldl``, ``List.foldr``."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        items, value = elements(fl, node.args[0]), fl.settled(fl.value(node.args[1]))
        function = function_of(fl, node.args[2])
        for item in reversed(items) if is_right else items:
            value = _call(fl, function, [item, value], node)
        return binding.kept(fl, name, value, node.span)

    return call


def _end(index: int) -> LibraryCall:
    """``List.first(list)``, ``List.last(list)``: nil, or a default, where it is empty."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        items = elements(fl, node.args[0])
        if items:
            return items[index]
        return fl.settled(fl.value(node.args[1], name)) if len(node.args) > 1 else NIL

    return call


def _changed(change: Callable[[list[Value], int, Value], list[Value]]) -> LibraryCall:
    """``List.insert_at``, ``List.replace_at``, ``List.delete_at`` with a constant index."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        items, index = elements(fl, node.args[0]), _constant(fl, node.args[1], node)
        value = binding.kept(fl, "", fl.settled(fl.value(node.args[2])), node.span) if len(node.args) > 2 else NIL
        return ListValue(tuple(change(items, index, value)))

    return call


def _inserted(items: list[Value], index: int, value: Value) -> list[Value]:
    at = index if index >= 0 else max(len(items) + index + 1, 0)
    return [*items[:at], value, *items[at:]]


def _replaced(items: list[Value], index: int, value: Value) -> list[Value]:
    at = index if index >= 0 else len(items) + index
    return [value if number == at else item for number, item in enumerate(items)]


def _deleted(items: list[Value], index: int, value: Value) -> list[Value]:
    del value
    at = index if index >= 0 else len(items) + index
    return [item for number, item in enumerate(items) if number != at]


def _duplicate(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``List.duplicate(value, n)`` with a constant number."""
    del name
    value, count = fl.settled(fl.value(node.args[0])), fl.constant(arithmetic.number(fl, node.args[1]))
    if count is None or not 0 <= count <= loops.LONGEST_LIST:
        raise fl.mistake(
            "HNY0211", f"`List.duplicate` takes a constant number, {loops.LONGEST_LIST} at most", node.args[1].span
        )
    return ListValue((binding.kept(fl, "", value, node.span),) * count)


def _wrap(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``List.wrap(value)``."""
    del name
    value = fl.settled(fl.value(node.args[0]))
    if isinstance(value, ListValue):
        return value
    return ListValue(() if isinstance(value, NilValue) else (value,))


def _to_tuple(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``List.to_tuple(list)``."""
    del name
    return TupleValue(tuple(elements(fl, node.args[0])))


def _of_tuple(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Tuple.to_list(tuple)``."""
    del name
    value = fl.required(fl.value(node.args[0]), node.args[0].span)
    if not isinstance(value, TupleValue):
        raise fl.mismatch("a tuple", value, node.args[0].span)
    return ListValue(value.items)


TABLES: dict[str, Table] = {
    "Enum": {
        ("at", 2): _at,
        ("at", 3): _at,
        ("fetch", 2): _fetch,
        ("fetch!", 2): _fetch,
        ("min_max", 1): _min_max,
        ("find_value", 2): _find_value,
        ("find_value", 3): _find_value,
        ("split", 2): _split,
        ("slice", 3): _slice,
        ("zip_with", 3): _with_function,
        ("zip_reduce", 4): _zip_reduce,
        ("unzip", 1): _unzip,
        ("scan", 2): _scan,
        ("scan", 3): _scan,
        ("map_reduce", 3): _map_reduce,
    },
    "List": {
        ("first", 1): _end(0),
        ("first", 2): _end(0),
        ("last", 1): _end(-1),
        ("last", 2): _end(-1),
        ("foldl", 3): _fold(is_right=False),
        ("foldr", 3): _fold(is_right=True),
        ("insert_at", 3): _changed(_inserted),
        ("replace_at", 3): _changed(_replaced),
        ("delete_at", 2): _changed(_deleted),
        ("duplicate", 2): _duplicate,
        ("wrap", 1): _wrap,
        ("to_tuple", 1): _to_tuple,
    },
    "Tuple": {("to_list", 1): _of_tuple},
}
