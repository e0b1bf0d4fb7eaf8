# SPDX-License-Identifier: Apache-2.0
"""``Enum`` over ranges with constant bounds, and over lists whose length is known when the module is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import arithmetic, binding, conditions, loops, membership, patterns, reductions
from honey.analysis.code import only_reads
from honey.analysis.flow import Discard
from honey.analysis.functions_as_values import applied, apply, function_of
from honey.analysis.scope import Binding
from honey.analysis.storage import Join
from honey.analysis.values import (
    NIL,
    AtomValue,
    BoolValue,
    FunctionValue,
    IntValue,
    ListValue,
    RangeValue,
    TupleValue,
    Value,
    boolean,
    integer,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table


def _elements(fl: Lowering, node: ast.Node) -> list[Value]:
    return loops.elements(fl, fl.required(fl.value(node), node.span, "Protocol.UndefinedError"), node.span)


def _map(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.map(list, fun)``: the list of the results."""
    del name
    items, function = _elements(fl, node.args[0]), function_of(fl, node.args[1])
    results = []
    for item in items:
        result = applied(fl, function, [item], node.span)
        results.append(binding.kept(fl, "", fl.settled(result), node.span))
    return ListValue(tuple(results))


def _each(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.each(0..9, fn i -> ... end)``."""
    del name
    over, function = loops.collection(fl, node.args[0]), function_of(fl, node.args[1])
    loops.each(
        fl, over, lambda value: apply(fl, function, [value], node.span, Discard()), node.span, loops.parameter(function)
    )
    return AtomValue("ok")


def _count(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.count(list)``."""
    del name
    return integer(len(_elements(fl, node.args[0])))


def _count_of(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.count(0..9, fun)``: of how many elements it is true; a loop for a range."""
    over = fl.required(fl.value(node.args[0]), node.args[0].span, "Protocol.UndefinedError")
    function = function_of(fl, node.args[1])
    count = n.LocalPlace(fl.fresh(name or "count", t.S64))
    fl.code.append(n.Let(count.local, n.Const(0, t.S64), node.span))
    fl.owned.add(count.local.id)
    more = n.Binary(n.BinaryOp.ADD, n.Read(count, t.S64), n.Const(1, t.S64), t.S64)

    def turn(item: Value) -> None:
        found = conditions.truth(fl, fl.settled(applied(fl, function, [item], node.span)), node.span)
        conditions.branch_on(fl, found, lambda: fl.assign(count, more, node.span), None, node.span)

    loops.each(fl, over, turn, node.span)
    return IntValue(n.Read(count, t.S64))


def _member(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.member?(list, value)`` is ``value in list``."""
    del name
    return BoolValue(membership.contains(fl, node.args[1], node.args[0], node.span).expr)


def _quantified(*, is_all: bool) -> LibraryCall:
    """``Enum.any?``, ``Enum.all?``: what the function does ends with the first element that decides, as in Elixir."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        items = _elements(fl, node.args[0])
        function = function_of(fl, node.args[1]) if len(node.args) > 1 else None
        result = conditions.known(is_all)
        for item in items:
            if result.constant is not None and result.constant is not is_all:
                break
            with fl.block() as code:
                found_of = item if function is None else applied(fl, function, [item], node.span)
                value = binding.kept(fl, "", fl.settled(found_of), node.span)
                found = conditions.truth(fl, value, node.span)
            if result.constant is not None or only_reads(code):
                fl.code.extend(code)
                result = conditions.both(result, found) if is_all else conditions.either(result, found)
            else:
                result = conditions.through_flag(fl, result, code, found, is_and=is_all, span=node.span)
        return BoolValue(result.expr)

    return call


def _searched(
    fl: Lowering, node: ast.Call, items: list[Value], default: Value, name: str, found: Callable[[int], Value]
) -> Value:
    """What ``found`` makes of the first element's number for which the function (the last argument) is true."""
    function, sink = function_of(fl, node.args[-1]), Join(fl, name, node.span)

    def search(number: int) -> None:
        if number == len(items):
            sink.take_value(fl, default, node.span)
            return
        value = fl.settled(applied(fl, function, [items[number]], node.span))
        conditions.branch_on(
            fl,
            conditions.truth(fl, value, node.span),
            lambda: sink.take_value(fl, found(number), node.span),
            lambda: search(number + 1),
            node.span,
        )

    search(0)
    return sink.result(fl)


def _find(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.find(list, default, fun)``: the first element for which it is true; nil or the default where none is."""
    items = _elements(fl, node.args[0])
    default = fl.settled(fl.value(node.args[1])) if len(node.args) > 2 else NIL
    return _searched(fl, node, items, default, name, items.__getitem__)


def _find_index(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.find_index(list, fun)``: the number of the first element for which it is true, from 0; or nil."""
    return _searched(fl, node, _elements(fl, node.args[0]), NIL, name, integer)


def _with_index(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.with_index``: pairs of element and number (from 0 or a constant), or what a function makes of them."""
    del name
    items, first = _elements(fl, node.args[0]), 0
    if len(node.args) > 1:
        start = fl.settled(fl.value(node.args[1]))
        if isinstance(start, FunctionValue):
            made = [applied(fl, start, [item, integer(at)], node.span) for at, item in enumerate(items)]
            return ListValue(tuple(binding.kept(fl, "", fl.settled(one), node.span) for one in made))
        known = fl.constant(arithmetic.number_of(fl, start, node.args[1].span))
        if known is None:
            raise fl.mistake("HNY0211", "`Enum.with_index` counts from a constant", node.args[1].span)
        first = known
    return ListValue(tuple(TupleValue((item, integer(number))) for number, item in enumerate(items, first)))


def _zip(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.zip(list, list)``, ``Enum.zip(lists)``: tuples, as many as the shortest list has elements."""
    del name
    if len(node.args) > 1:
        lists = [_elements(fl, arg) for arg in node.args]
    else:
        lists = [_listed(fl, one, node) for one in _elements(fl, node.args[0])]
    return ListValue(tuple(TupleValue(items) for items in zip(*lists, strict=False)))


def _part(*, is_taken: bool) -> LibraryCall:
    """``Enum.take(list, n)``, ``Enum.drop(list, n)``; a negative ``n`` counts from the end."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        items, count = _elements(fl, node.args[0]), fl.constant(arithmetic.number(fl, node.args[1]))
        if count is None:
            raise loops.unknown_length(
                fl, f"`Enum.{node.name}` takes a constant number: lists have a fixed length", node
            )
        at = min(count, len(items)) if count >= 0 else max(len(items) + count, 0)
        return ListValue(tuple(items[:at] if is_taken is (count >= 0) else items[at:]))

    return call


def _flat_map(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.flat_map(list, fun)``: the lists that it gives, one after the other."""
    lists = _map(fl, node, name)
    assert isinstance(lists, ListValue)
    return ListValue(tuple(item for one in lists.items for item in _listed(fl, one, node)))


def _concat(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.concat(list, list)``, ``Enum.concat(lists)``."""
    del name
    lists = fl.operands(node.args) if len(node.args) > 1 else _elements(fl, node.args[0])
    return ListValue(tuple(item for one in lists for item in _listed(fl, one, node)))


def _listed(fl: Lowering, value: Value, node: ast.Call) -> list[Value]:
    return loops.elements(fl, fl.required(value, node.span, "Protocol.UndefinedError"), node.span)


def _to_list(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.to_list(range)``."""
    del name
    return ListValue(tuple(_elements(fl, node.args[0])))


def _empty(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.empty?(list)``."""
    del name
    return boolean(not _elements(fl, node.args[0]))


def _product(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.product(list)``."""
    total: IntValue = integer(1)
    for item in _elements(fl, node.args[0]):
        total = arithmetic.calculate(fl, "*", total, arithmetic.number_of(fl, item, node.span), node.span)
    return binding.kept(fl, name, total, node.span)


def _reduce_while(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.reduce_while(0..9, start, fun)``: turns after ``{:halt, acc}`` do nothing."""
    span, function = node.span, function_of(fl, node.args[2])
    halted, going, item, acc = (
        ast.Atom(span, "halt"),
        ast.Atom(span, "cont"),
        ast.Var(span, "i"),
        ast.Var(span, "acc"),
    )
    stays = ast.Tuple(span, (halted, acc))
    called = ast.Block(span, (ast.Apply(span, ast.Var(span, "turn"), (item, acc)),))
    clauses = (
        ast.Clause(span, (ast.Var(span, "_"), stays), None, ast.Block(span, (stays,))),
        ast.Clause(span, (item, ast.Tuple(span, (going, acc))), None, called),
    )
    names = {"turn": Binding(function, span)}
    start = ast.Tuple(node.args[1].span, (going, node.args[1]))
    result = fl.settled(
        reductions.reduce(fl, node.args[0], start, FunctionValue(ast.Fn(span, clauses), names), span, name)
    )
    found = patterns.test(fl, ast.Tuple(span, (ast.Var(span, "_"), acc)), result)
    if len(found.bindings) != 1:
        raise fl.mistake(
            "HNY0200", "the function gives `{:cont, accumulator}` or `{:halt, accumulator}`", node.args[2].span
        )
    return found.bindings[0].value


def _reverse(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.reverse(list)``, ``Enum.reverse(list, tail)``."""
    del name
    tail = _elements(fl, node.args[1]) if len(node.args) > 1 else []
    return ListValue((*reversed(_elements(fl, node.args[0])), *tail))


def _filtered(*, keeps: bool) -> LibraryCall:
    """``Enum.filter``, ``Enum.reject``, where it is known now which elements stay: lists have a fixed length."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        items, function = _elements(fl, node.args[0]), function_of(fl, node.args[1])
        kept = []
        for item in items:
            found = conditions.truth(fl, fl.settled(applied(fl, function, [item], node.span)), node.span)
            if found.constant is None:
                raise loops.unknown_length(
                    fl, "which elements stay is known only when the program runs; lists have a fixed length", node
                )
            if found.constant is keeps:
                kept.append(item)
        return ListValue(tuple(kept))

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


def _extreme_by(operator: n.BinaryOp) -> LibraryCall:
    """``Enum.max_by(list, fun)``, ``Enum.min_by(list, fun)``: the first of the elements for which it gives the most."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        items, function = _elements(fl, node.args[0]), function_of(fl, node.args[1])
        if not items:
            raise fl.mistake("HNY0211", "an empty list has no largest or smallest element", node.span)

        def rated(item: Value) -> Value:
            rating = arithmetic.number_of(fl, applied(fl, function, [item], node.span), node.span)
            return TupleValue((item, binding.kept(fl, "", rating, node.span)))

        best = rated(items[0])
        for item in items[1:]:
            best = _better(fl, operator, best, rated(item), name, node.span)
        assert isinstance(best, TupleValue)
        return best.items[0]

    return call


def _better(fl: Lowering, operator: n.BinaryOp, best: Value, other: Value, name: str, span: Span) -> Value:
    """The second of two pairs of an element and its number if that one is more, else the first."""
    assert isinstance(best, TupleValue)
    assert isinstance(other, TupleValue)
    most, number = (arithmetic.number_of(fl, pair.items[1], span) for pair in (best, other))
    join = Join(fl, name, span)
    conditions.branch_on(
        fl,
        conditions.Condition(arithmetic.compare(fl, operator, number, most, span).expr),
        lambda: join.take_value(fl, other, span),
        lambda: join.take_value(fl, best, span),
        span,
    )
    return join.result(fl)


def _sum(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Enum.sum(list)`` of a list known now."""
    over = loops.collection(fl, node.args[0])
    if isinstance(over, RangeValue):
        return integer(sum(over.numbers))
    total: IntValue = integer(0)
    for item in loops.elements(fl, over, node.span):
        value = fl.required(item, node.span, "ArithmeticError")
        if not isinstance(value, IntValue):
            raise fl.mismatch("integers", value, node.span)
        total = arithmetic.calculate(fl, "+", total, value, node.span)
    del name
    return total


TABLES: dict[str, Table] = {
    "Enum": {
        ("map", 2): _map,
        ("count", 1): _count,
        ("count", 2): _count_of,
        ("member?", 2): _member,
        ("any?", 1): _quantified(is_all=False),
        ("any?", 2): _quantified(is_all=False),
        ("all?", 1): _quantified(is_all=True),
        ("all?", 2): _quantified(is_all=True),
        ("find", 2): _find,
        ("find", 3): _find,
        ("find_index", 2): _find_index,
        ("with_index", 1): _with_index,
        ("with_index", 2): _with_index,
        ("zip", 1): _zip,
        ("zip", 2): _zip,
        ("reverse", 1): _reverse,
        ("reverse", 2): _reverse,
        ("take", 2): _part(is_taken=True),
        ("drop", 2): _part(is_taken=False),
        ("flat_map", 2): _flat_map,
        ("concat", 1): _concat,
        ("concat", 2): _concat,
        ("to_list", 1): _to_list,
        ("empty?", 1): _empty,
        ("product", 1): _product,
        ("reduce_while", 3): _reduce_while,
        ("filter", 2): _filtered(keeps=True),
        ("reject", 2): _filtered(keeps=False),
        ("max", 1): _extreme(n.BinaryOp.GT),
        ("min", 1): _extreme(n.BinaryOp.LT),
        ("max_by", 2): _extreme_by(n.BinaryOp.GT),
        ("min_by", 2): _extreme_by(n.BinaryOp.LT),
        ("each", 2): _each,
        ("reduce", 2): reductions.enum_reduce_from_first,
        ("reduce", 3): reductions.enum_reduce,
        ("sum", 1): _sum,
    }
}
