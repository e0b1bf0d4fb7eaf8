# SPDX-License-Identifier: Apache-2.0
"""The infix and prefix operators, and arithmetic by name (``div``, ``max``, ``Bitwise.band``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from honey.analysis import arithmetic, conditions, convert, storage
from honey.analysis.conditions import AND, NOT, OR, Condition
from honey.analysis.errors import shown
from honey.analysis.flow import evaluate
from honey.analysis.lowering import Lowering
from honey.analysis.values import (
    NIL,
    AddressValue,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    RangeValue,
    RuntimeAtom,
    StringValue,
    TextValue,
    TupleValue,
    Value,
    boolean,
    describe,
)
from honey.ir import nodes as n
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.storage import Join

COMPARISONS: dict[str, n.BinaryOp] = {
    "<": n.BinaryOp.LT,
    "<=": n.BinaryOp.LE,
    ">": n.BinaryOp.GT,
    ">=": n.BinaryOp.GE,
}

_COMPARING = frozenset({*COMPARISONS, "==", "===", "!=", "!=="})


def binary(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``left op right``."""
    handler = _SPECIAL.get(node.op)
    if handler is not None:
        return handler(fl, node, name)
    if node.op == "**":
        one, other = (arithmetic.number(fl, side) for side in (node.left, node.right))
        return arithmetic.power(fl, one, other, node)
    if node.op not in arithmetic.ARITHMETIC and node.op not in COMPARISONS:
        from honey.analysis.expressions import unsupported

        raise unsupported(fl, node, f"the operator {node.op}")
    if node.op in COMPARISONS and isinstance(node.left, ast.Binary) and node.left.op in COMPARISONS:
        raise _chained(fl, node, node.left)
    left, right = fl.operands((node.left, node.right))
    _check_precedence(fl, node, left, right)
    ordered = node.op in COMPARISONS
    one = arithmetic.number_of(fl, left, node.left.span, ordered=ordered)
    other = arithmetic.number_of(fl, right, node.right.span, ordered=ordered)
    span = convert.network_span(node, one, other)
    if ordered:
        return arithmetic.compare(fl, COMPARISONS[node.op], one, other, span)
    return arithmetic.calculate(fl, node.op, one, other, span)


def _check_precedence(fl: Lowering, node: ast.Binary, left: Value, right: Value) -> None:
    """``flags &&& 1 == 0``, where ``==`` takes the 1 first: the error says how it is written."""
    if node.op not in ("&&&", "|||", "^^^"):
        return
    here = fl.report.source.text
    match node.left, node.right:
        case _, ast.Binary(op=op, left=inner, right=outer) if isinstance(right, BoolValue) and op in _COMPARING:
            meant = f"({here(node.left.span)} {node.op} {here(inner.span)}) {op} {here(outer.span)}"
        case ast.Binary(op=op, left=outer, right=inner), _ if isinstance(left, BoolValue) and op in _COMPARING:
            meant = f"{here(outer.span)} {op} ({here(inner.span)} {node.op} {here(node.right.span)})"
        case _:
            return
    raise fl.mistake(
        "HNY0203",
        f"`{op}` binds closer than `{node.op}`, and Elixir does not count with truth values",
        node.span,
        help=f"write `{meant}`" if "\n" not in meant else "put the calculation into parentheses",
    )


def _chained(fl: Lowering, node: ast.Binary, first: ast.Binary) -> Exception:
    """``1 < x < 9``."""
    low, middle, high = (shown(fl.report, side.span, "...") for side in (first.left, first.right, node.right))
    help = f"write `{low} {first.op} {middle} and {middle} {node.op} {high}`"
    return fl.mistake("HNY0203", "Elixir does not count with truth values", first.span, help=help)


# ---------------------------------------------------------------- arithmetic


def unary(fl: Lowering, node: ast.Unary, name: str) -> Value:
    """``-x``, ``not x``, ``~~~x``."""
    del name
    if node.op in NOT:
        return BoolValue(conditions.condition(fl, node).expr)
    operand = arithmetic.number_of(fl, fl.value(node.operand), node.operand.span)
    if node.op == "-":
        return arithmetic.negative(fl, operand, node.span)
    return arithmetic.invert(fl, operand, node) if node.op == "~~~" else operand


# ---------------------------------------------------------------- logic

_RELATIONS = frozenset({"==", "===", "!=", "!==", "<", "<=", ">", ">=", "in"})


def logic(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``a && b``, ``a || b``: the value of one of the two."""
    is_and = node.op in AND
    if _is_logic(node.left):  # what the left side shows of other values holds for the right side
        test = conditions.condition(fl, node.left)
        first: Value = BoolValue(test.expr)
    else:
        first = fl.settled(fl.value(node.left))
        test = None
    if node.op in ("and", "or") and not isinstance(first, BoolValue):
        raise fl.mistake(
            "HNY0200",
            f"`{node.op}` takes truth values, got {describe(first)}",
            node.left.span,
            help=f"write `{'&&' if is_and else '||'}`",
        )
    test = test or conditions.truth(fl, first, node.left.span)
    if test.constant is not None:
        if test.constant is not is_and:
            return first
        with fl.names_apart():
            return fl.value(node.right, name)
    join = storage.Join(fl, name, node.span)

    def right() -> None:
        evaluate(fl, node.right, join)

    def left() -> None:
        join.take_value(fl, _falsy(fl, first) if is_and else first, node.left.span)

    conditions.branch_on(fl, test, right if is_and else left, left if is_and else right, node.span)
    return _as_logic(fl, test, join, is_and=is_and)


def _is_logic(node: ast.Node) -> bool:
    """Whether a node is written as a truth value."""
    match node:
        case ast.Binary(op=op, left=left, right=right) if op in AND or op in OR:
            return _is_logic(left) and _is_logic(right)
        case ast.Binary(op=op):
            return op in _RELATIONS
        case ast.Unary(op=op):
            return op in NOT
        case ast.Call(target=None, name=name):
            return name == "is_nil"
        case _:
            return False


def _falsy(fl: Lowering, value: Value) -> Value:
    """What ``value`` is where it does not count as true."""
    match fl.settled(value):
        case AddressValue():
            return NIL
        case BoolValue():
            return boolean(False)
        case other:
            return other


def _as_logic(fl: Lowering, test: Condition, join: Join, *, is_and: bool) -> Value:
    """A choice between truth values is logic."""
    result = join.result(fl)
    match result:
        case BoolValue(n.Select(condition, then, otherwise)) if condition == test.expr:
            if is_and:
                return BoolValue(conditions.both(Condition(condition), Condition(then)).expr)
            return BoolValue(conditions.either(Condition(condition), Condition(otherwise)).expr)
        case _:
            return result


def relation(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``==``, ``in``: a truth value."""
    del name
    return BoolValue(conditions.condition(fl, node).expr)


# ---------------------------------------------------------------- the rest


def match(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``pattern = value``."""
    from honey.analysis import binding

    del name
    return binding.match(fl, node)


def pipe(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``x |> f(y)`` is ``f(x, y)``."""
    return fl.value(piped(fl, node), name)


def piped(fl: Lowering, node: ast.Binary) -> ast.Node:
    """The call that a pipe stands for."""
    right = node.right
    match right:
        case ast.Call():
            return ast.Call(
                node.span, right.target, right.name, right.name_span, (node.left, *right.args), right.do_block
            )
        case ast.Var(span=span, name=name):
            return ast.Call(node.span, None, name, span, (node.left,), None)
        case ast.Dot(target=target, name=name, name_span=span):
            return ast.Call(node.span, target, name, span, (node.left,), None)
        case ast.Apply(function=function, args=args):
            return ast.Apply(node.span, function, (node.left, *args))
        case _:
            raise fl.mistake("HNY0107", "`|>` leads into a call", right.span, help="write `x |> f()`")


def range_(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``first..last``, ``first..last//step``: constants."""
    del name
    step = 1
    bounds = node
    if node.op == "//":
        if not isinstance(node.left, ast.Binary) or node.left.op != "..":
            raise fl.mistake("HNY0107", "`//` stands behind a range", node.span, help="division is `div(a, b)`")
        bounds = node.left
        step = _bound(fl, node.right)
    first, last = _bound(fl, bounds.left), _bound(fl, bounds.right)
    if node.op == "..":
        step = 1 if first <= last else -1
    if step == 0:
        raise fl.mistake("HNY0602", "a range with step 0 never ends", node.right.span, help="use a step of 1 or -1")
    return RangeValue(first, last, step)


def _bound(fl: Lowering, node: ast.Node) -> int:
    found = fl.constant(fl.settled(fl.value(node)))
    if found is None:
        raise fl.mistake(
            "HNY0603",
            "the bounds of a range must be constant, so that the verifier sees the loop end",
            node.span,
            help="loop to a constant limit, and leave with `if i >= limit, do: ...` inside",
        )
    return found


def concatenation(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``"a" <> "b"``."""
    del name
    parts: list[str | Value] = []
    for value, side in zip(fl.operands((node.left, node.right)), (node.left, node.right), strict=True):
        match fl.required(value, side.span):
            case StringValue() as text:
                parts.append(text)
            case TextValue(inner):
                parts.extend(inner)
            case IntValue() | BoolValue() | AtomValue() | RuntimeAtom() | TupleValue() | ListValue() as other:
                help = f'write `"#{{{fl.report.source.text(side.span)}}}"`'
                raise fl.mismatch("a string", other, side.span, help=help)
            case other:
                parts.append(other)
    if all(isinstance(part, StringValue) for part in parts):
        return StringValue(b"".join(part.data for part in parts if isinstance(part, StringValue)))
    return TextValue(tuple(_text(part) for part in parts))


def _text(part: str | Value) -> str | Value:
    return part.data.decode(errors="replace") if isinstance(part, StringValue) else part


def list_operation(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``[1] ++ [2]``."""
    del name
    sides = [
        fl.required(value, side.span)
        for value, side in zip(fl.operands((node.left, node.right)), (node.left, node.right), strict=True)
    ]
    for value, side in zip(sides, (node.left, node.right), strict=True):
        if not isinstance(value, ListValue):
            name = shown(fl.report, side.span, "x")
            counted = f"`{node.op}` joins lists; to count, write `{name} = {name} {node.op[0]} 1`"
            raise fl.mismatch("a list", value, side.span, help=counted if isinstance(value, IntValue) else None)
    return ListValue(tuple(item for side in sides if isinstance(side, ListValue) for item in side.items))


def misplaced(fl: Lowering, node: ast.Binary, name: str) -> Value:
    """``<-``, ``::``, ``when``, ... outside of the constructs that they belong to."""
    del name
    if node.op == "|":
        left, right = (shown(fl.report, side.span, "...") for side in (node.left, node.right))
        help = f"bitwise or is `{left} ||| {right}`"
        raise fl.mistake("HNY0107", f"`{node.op}` has no meaning here", node.op_span, help=help)
    raise fl.mistake("HNY0107", f"`{node.op}` has no meaning here", node.op_span)


_SPECIAL: dict[str, Callable[[Lowering, ast.Binary, str], Value]] = {
    **dict.fromkeys([*AND, *OR], logic),
    **dict.fromkeys(["==", "===", "!=", "!==", "in"], relation),
    "=": match,
    "|>": pipe,
    "..": range_,
    "//": range_,
    "<>": concatenation,
    "++": list_operation,
    **dict.fromkeys(["<-", "::", "when", "->", "|", "\\\\", "=>"], misplaced),
}
