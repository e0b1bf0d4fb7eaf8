# SPDX-License-Identifier: Apache-2.0
"""The parts of Elixir's ``Kernel``, ``Bitwise`` and ``Integer`` that eBPF can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import arithmetic, binding, conditions, convert
from honey.analysis.constants import Evaluator
from honey.analysis.flow import Discard
from honey.analysis.values import (
    AggregateValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    PlainMapValue,
    RestValue,
    StringValue,
    TextValue,
    TupleValue,
    UnionValue,
    Value,
    integer,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table


def _operator(op: str) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        left, right = fl.operands(node.args)
        one = arithmetic.number_of(fl, left, node.args[0].span)
        other = arithmetic.number_of(fl, right, node.args[1].span)
        return arithmetic.calculate(fl, op, one, other, node.span)

    return call


def _infix(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``x |> Kernel.+(1)``: an operator that is called as a function."""
    return fl.value(ast.Binary(node.span, node.name, node.name_span, *node.args), name)


def _floored(op: str) -> LibraryCall:
    """Division that rounds down, and the remainder with the divisor's sign, as ``Integer`` has them."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        left, right = fl.operands(node.args)
        one = arithmetic.number_of(fl, left, node.args[0].span)
        other = arithmetic.number_of(fl, right, node.args[1].span)
        result = arithmetic.calculate(fl, op, one, other, node.span)
        if not result.type.signed:
            return result
        dividend, divisor = (fl.let("", convert.to_wide(side, signed=True), node.span) for side in (one, other))
        zero, both = n.Const(0, t.S64), IntValue(divisor)
        rest = fl.let("", arithmetic.calculate(fl, "rem", IntValue(dividend), both, node.span).expr, node.span)
        opposite = n.Binary(n.BinaryOp.LT, n.Binary(n.BinaryOp.XOR, rest, divisor, t.S64), zero, t.BOOL)
        uneven = n.Binary(n.BinaryOp.LAND, n.Binary(n.BinaryOp.NE, rest, zero, t.BOOL), opposite, t.BOOL)
        whole = fl.let(name, result.expr, node.span)
        if op == "rem":
            below: n.Expr = n.Binary(n.BinaryOp.ADD, whole, divisor, t.S64)
        else:
            below = n.Binary(n.BinaryOp.SUB, whole, n.Const(1, t.S64), t.S64)
        return IntValue(n.Select(uneven, below, whole, t.S64))

    return call


def _then(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``x |> then(fn y -> ... end)``."""
    from honey.analysis import functions_as_values

    value = binding.kept(fl, "", fl.settled(fl.value(node.args[0])), node.span)
    return functions_as_values.applied(fl, functions_as_values.function_of(fl, node.args[1]), [value], node.span, name)


def _tap(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``x |> tap(fn y -> ... end)``: the value, with which something is done on the way."""
    from honey.analysis import functions_as_values

    value = binding.kept(fl, name, fl.settled(fl.value(node.args[0])), node.span)
    functions_as_values.apply(fl, functions_as_values.function_of(fl, node.args[1]), [value], node.span, Discard())
    return value


def _power(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Integer.pow(base, exponent)``."""
    del name
    one, other = (arithmetic.number(fl, arg) for arg in node.args)
    return arithmetic.power(fl, one, other, node)


def _trunc(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``trunc(a / b)``: division gives integers already."""
    del name
    return arithmetic.number(fl, node.args[0])


def _of_text(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``to_string``, ``inspect``."""
    from honey.library import text

    return text.shown(fl, node, name)


def _extreme(op: n.BinaryOp) -> LibraryCall:
    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        left, right = fl.operands(node.args)
        one = arithmetic.number_of(fl, left, node.args[0].span)
        other = arithmetic.number_of(fl, right, node.args[1].span)
        return arithmetic.extreme(fl, op, one, other, node.span)

    return call


def _abs(fl: Lowering, node: ast.Call, name: str) -> Value:
    value = arithmetic.number(fl, node.args[0])
    if value.constant is not None:
        return integer(abs(value.constant))
    if not value.type.signed:
        return value
    expr = fl.let(name, arithmetic.calculate(fl, "+", value, integer(0), node.span).expr, node.span)
    negative = n.Binary(n.BinaryOp.LT, expr, n.Const(0, t.S64), t.BOOL)
    return IntValue(n.Select(negative, n.Unary(n.UnaryOp.NEG, expr, t.S64), expr, t.S64))


def _invert(fl: Lowering, node: ast.Call, name: str) -> Value:
    del name
    return arithmetic.invert(fl, arithmetic.number(fl, node.args[0]), node)


def _is_nil(fl: Lowering, node: ast.Call, name: str) -> Value:
    del name
    return BoolValue(conditions.is_nil(fl, fl.value(node.args[0]), node.span).expr)


def _is_kind(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``is_integer(x)`` and its like."""
    from honey.analysis import kinds

    del name
    return BoolValue(kinds.tested(fl, fl.value(node.args[0]), kinds.TESTS[node.name]).expr)


def _match(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``match?(pattern, value)``."""
    from honey.analysis import control

    del name
    return BoolValue(control.matches(fl, *node.args).expr)


def _put_elem(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``put_elem(tuple, index, value)``."""
    del name
    target = fl.required(fl.value(node.args[0]), node.args[0].span)
    index, value = fl.constant(arithmetic.number(fl, node.args[1])), fl.settled(fl.value(node.args[2]))
    if not isinstance(target, TupleValue) or index is None or not 0 <= index < len(target.items):
        raise fl.mistake("HNY0211", "`put_elem` takes a tuple and a constant index inside it", node.span)
    return TupleValue((*target.items[:index], value, *target.items[index + 1 :]))


def _of_each(fl: Lowering, value: Value, made: Callable[[Value], Value], span: Span, name: str) -> Value:
    value = fl.settled(value)
    if not isinstance(value, UnionValue):
        return made(value)
    from honey.analysis import alternatives

    return alternatives.of_each(fl, value, made, span, name)


def _elem(fl: Lowering, node: ast.Call, name: str) -> Value:
    target, index = fl.value(node.args[0]), fl.constant(arithmetic.number(fl, node.args[1]))

    def of(one: Value) -> Value:
        one = fl.required(one, node.args[0].span)
        if not isinstance(one, TupleValue) or index is None or not 0 <= index < len(one.items):
            text = "`elem` takes a tuple and a constant index inside it"
            raise fl.mistake("HNY0211", text, node.span, raises=index is not None)
        return fl.settled(one.items[index])

    return _of_each(fl, target, of, node.span, name)


def _items(fl: Lowering, value: Value, node: ast.Call, part: str) -> tuple[Value, ...]:
    value = fl.required(value, node.args[0].span)
    if not isinstance(value, ListValue):
        raise fl.mismatch("a list", value, node.args[0].span)
    if not value.items:
        raise fl.mistake("HNY0211", f"an empty list has no {part}", node.span, raises=True)
    return value.items


def _head(fl: Lowering, node: ast.Call, name: str) -> Value:
    def of(one: Value) -> Value:
        return fl.settled(_items(fl, one, node, "head")[0])

    return _of_each(fl, fl.value(node.args[0]), of, node.span, name)


def _tail(fl: Lowering, node: ast.Call, name: str) -> Value:
    def of(one: Value) -> Value:
        return ListValue(_items(fl, one, node, "tail")[1:])

    return _of_each(fl, fl.value(node.args[0]), of, node.span, name)


def _length(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``length(list)``, ``tuple_size(tuple)``, ``byte_size(text)``, which of text in memory is found as it runs."""
    value = fl.settled(fl.value(node.args[0]))
    if isinstance(value, UnionValue) and node.name == "byte_size":
        from honey.library import text

        if (size := text.size_of_one(value)) is not None:
            return size
    return _of_each(fl, value, lambda one: _length_of(fl, one, node, name), node.span, name)


def _length_of(fl: Lowering, value: Value, node: ast.Call, name: str) -> Value:
    value = fl.required(value, node.args[0].span)
    match value:
        case TupleValue(items) if node.name == "tuple_size":
            return integer(len(items))
        case ListValue(items) if node.name == "length":
            return integer(len(items))
        case StringValue(data) if node.name == "byte_size":
            return integer(len(data))
        case PlainMapValue(fields) if node.name == "map_size":
            return integer(len(fields))
        case MemoryValue() | AggregateValue() if isinstance(value.type, t.Chars) and node.name == "byte_size":
            from honey.library import text

            return text.byte_size(fl, value, node.span, name)
        case MemoryValue() | AggregateValue() if isinstance(value.type, t.Array) and node.name in (
            "length",
            "byte_size",
        ):
            return integer(value.type.size if node.name == "byte_size" else value.type.length)
        case MemoryValue() | AggregateValue() if isinstance(value.type, t.Struct) and node.name == "byte_size":
            help: str | None = f"`sizeof(:{value.type.name})` is how large a struct is"
        case MemoryValue() | AggregateValue() | TextValue() if node.name != "byte_size":
            help = "`byte_size` counts the bytes of a string"
        case RestValue():
            help = "test it in the clause's body"
        case TextValue():
            help = "a text with values in it can only be printed"
        case _:
            help = None
    raise fl.mismatch(_MEASURED[node.name], value, node.args[0].span, help=help)


_MEASURED = {"length": "a list", "tuple_size": "a tuple", "byte_size": "a string", "map_size": "a map"}


def _measure(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``sizeof(:type)``, ``offsetof(:type, :field)``."""
    del name
    module = fl.unit.module
    return integer(module.types.measure(node, Evaluator(module, fl.report)))


def _not(fl: Lowering, node: ast.Call, name: str) -> Value:
    del name
    return BoolValue(conditions.condition(fl, node.args[0]).negated.expr)


def _bits(name: str, op: str) -> tuple[tuple[str, int], Callable[[Lowering, ast.Call, str], Value]]:
    return (name, 2), _operator(op)


_BITWISE: Table = {
    **dict(_bits(name, op) for name, op in (("band", "&&&"), ("bor", "|||"), ("bsl", "<<<"), ("bsr", ">>>"))),
    ("bxor", 2): _operator("^^^"),
    ("bnot", 1): _invert,
}

_KERNEL: Table = {
    ("div", 2): _operator("div"),
    ("rem", 2): _operator("rem"),
    ("min", 2): _extreme(n.BinaryOp.LT),
    ("max", 2): _extreme(n.BinaryOp.GT),
    ("abs", 1): _abs,
    ("is_nil", 1): _is_nil,
    **dict.fromkeys(((name, 1) for name in conditions.KINDS), _is_kind),
    ("then", 2): _then,
    ("tap", 2): _tap,
    ("trunc", 1): _trunc,
    ("to_string", 1): _of_text,
    ("inspect", 1): _of_text,
    ("map_size", 1): _length,
    ("elem", 2): _elem,
    ("put_elem", 3): _put_elem,
    ("match?", 2): _match,
    ("hd", 1): _head,
    ("tl", 1): _tail,
    ("length", 1): _length,
    ("tuple_size", 1): _length,
    ("byte_size", 1): _length,
    ("not", 1): _not,
    ("sizeof", 1): _measure,
    ("offsetof", 2): _measure,
    **_BITWISE,
}

_OPERATORS = ("+", "-", "*", "/", "<", ">", "<=", ">=", "==", "!=", "++", "<>")

TABLES: dict[str, Table] = {
    "Kernel": {**_KERNEL, **dict.fromkeys(((op, 2) for op in _OPERATORS), _infix)},
    "Bitwise": _BITWISE,
    "Integer": {("pow", 2): _power, ("mod", 2): _floored("rem"), ("floor_div", 2): _floored("div")},
}
