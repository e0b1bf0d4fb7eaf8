# SPDX-License-Identifier: Apache-2.0
"""Loops with constant bounds: ``for``, and what ``Enum`` goes through; a list known now is gone through in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from honey.analysis import access, binding, conditions, patterns
from honey.analysis.code import OpenFor
from honey.analysis.errors import shown
from honey.analysis.flow import Discard, Sink, attempt
from honey.analysis.lowering import read
from honey.analysis.syntax_tree import is_constant
from honey.analysis.values import (
    AggregateValue,
    AtomValue,
    FunctionValue,
    IntValue,
    ListValue,
    MemoryValue,
    PlainMapValue,
    RangeValue,
    TupleValue,
    Value,
    describe,
    integer,
)
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.errors import Mistake
    from honey.analysis.lowering import Lowering


Turn = Callable[[Value], None]

LONGEST_LIST = 64


def for_(fl: Lowering, node: ast.Call, sink: Sink) -> None:
    """``for i <- 0..n, filter, do: ...``."""
    if node.do_block is None:
        raise fl.mistake("HNY0107", "`for` has no body", node.span, help="write `for i <- 0..9 do ... end`")
    if (options := node.keywords) is not None:
        sink.take_value(fl, _reducing(fl, node, options), node.span)
        return
    body = node.do_block.body
    if (wrong := _no_generator(fl, node)) is not None:
        raise wrong
    if not isinstance(body, ast.Block):
        raise fl.mistake("HNY0107", "`->` belongs to `for` with `reduce:` only", body.span)
    if isinstance(sink, Discard):
        _generate(fl, node.args, lambda: attempt(fl, body, sink), node.span)
    else:
        sink.take_value(fl, _collected(fl, node.args, body, node), node.span)


def _no_generator(fl: Lowering, node: ast.Call) -> Mistake | None:
    """``for i in 0..9``, ``for i = 0..9``: what begins with no generator."""
    first = node.args[0] if node.args else None
    if not isinstance(first, ast.Binary) or first.op not in ("in", "=") or not isinstance(first.left, ast.Var):
        return None
    left, right = (shown(fl.report, side.span, "...") for side in (first.left, first.right))
    return fl.mistake("HNY0107", "`for` begins with a generator", first.span, help=f"write `for {left} <- {right}`")


def _reducing(fl: Lowering, node: ast.Call, options: ast.KeywordList) -> Value:
    """``for i <- 0..9, reduce: 0 do acc -> acc + i end`` is a reduction."""
    start, steps = options.get("reduce"), node.positional
    body = node.do_block.body if node.do_block is not None else None
    first = steps[0] if steps else None
    if start is None or len(options.pairs) != 1 or not isinstance(body, ast.Clauses):
        raise fl.mistake(
            "HNY0107", "this option of `for` cannot be compiled to eBPF", options.span, help="`reduce:` can"
        )
    if not isinstance(first, ast.Binary) or first.op != "<-":
        raise fl.mistake("HNY0107", "`for` begins with a generator", node.span, help="write `for i <- 0..9, ...`")
    if len(steps) == 1:
        found = [
            ast.Clause(clause.span, (first.left, *clause.patterns), clause.guard, clause.body)
            for clause in body.clauses
        ]
    else:
        accumulator = ast.Var(node.span, ACCUMULATOR)
        inner = _reduced(steps[1:], accumulator, body, node)
        found = [ast.Clause(node.span, (first.left, accumulator), None, ast.Block(node.span, (inner,)))]
    if not isinstance(first.left, ast.Var):  # elements that do not match are passed over
        passed = ast.Var(node.span, ACCUMULATOR)
        found.append(ast.Clause(node.span, (ast.Var(node.span, "_"), passed), None, ast.Block(node.span, (passed,))))
    from honey.analysis.reductions import reduce

    return reduce(
        fl, first.right, start, FunctionValue(ast.Fn(node.span, tuple(found)), fl.scope.closure()), node.span, ""
    )


ACCUMULATOR = "&acc"
"""What the accumulator of a `for` is called between its generators; no name in a source begins like that."""


def _reduced(steps: Sequence[ast.Node], accumulator: ast.Var, body: ast.Clauses, node: ast.Call) -> ast.Node:
    """What a `for` with ``reduce:`` does behind its first generator: a further one, a filter, or the body."""
    span = node.span
    if not steps:
        return ast.Call(span, None, "case", span, (accumulator,), ast.DoBlock(span, body))
    first = steps[0]
    if isinstance(first, ast.Binary) and first.op == "<-":
        option = ast.KeywordList(span, (ast.Pair(span, ast.Atom(span, "reduce"), accumulator),))
        return ast.Call(span, None, "for", span, (*steps, option), ast.DoBlock(span, body))
    then = ast.Block(span, (_reduced(steps[1:], accumulator, body, node),))
    blocks = ast.DoBlock(span, then, ast.Block(span, (accumulator,)))
    return ast.Call(span, None, "if", span, (_filter(first),), blocks)


def _filter(step: ast.Node) -> ast.Node:
    """A step that is no generator, as a condition: `y = i * 2` is there for its name."""
    if isinstance(step, ast.Binary) and step.op == "=" and not is_constant(step.right):
        return ast.Call(step.span, None, conditions.NAMED_VALUE, step.span, (step,), None)
    return step


def _collected(fl: Lowering, steps: Sequence[ast.Node], body: ast.Block, node: ast.Call) -> Value:
    """The list of the body's values: each turn is written out."""
    values: list[Value] = []
    _collect(fl, steps, body, node, values)
    return ListValue(tuple(values))


def _collect(fl: Lowering, steps: Sequence[ast.Node], body: ast.Block, node: ast.Call, values: list[Value]) -> None:
    """Adds what the turns of the generators in ``steps`` give, as far as they pass the filters between them."""
    first = steps[0] if steps else None
    if first is None:
        values.append(binding.kept(fl, "", fl.settled(fl.value(body)), body.span))
        if len(values) > LONGEST_LIST:
            raise fl.mistake("HNY0603", f"lists have at most {LONGEST_LIST} elements", node.span)
        return
    if not isinstance(first, ast.Binary) or first.op != "<-":
        passes = conditions.condition(fl, _filter(first)).constant
        if passes is None:
            raise unknown_length(fl, _UNKNOWN, node)
        if passes:
            _collect(fl, steps[1:], body, node, values)
        return
    for item in elements(fl, fl.required(fl.value(first.right), first.right.span), first.right.span):
        found = patterns.test(fl, first.left, item)
        if found.condition.constant is None:
            raise fl.mistake("HNY0605", "a pattern that may not match gives a list of unknown length", first.left.span)
        if not found.condition.constant:
            continue
        with fl.block() as code:
            for bound in found.bindings:
                binding.bind(fl, bound.name, bound.value, bound.span)
            _collect(fl, steps[1:], body, node, values)
        fl.code.extend(code)


_UNKNOWN = "how long the list of this `for` is, is known only when the program runs; lists have a fixed length"


def unknown_length(fl: Lowering, message: str, node: ast.Node) -> Mistake:
    """The error for a list whose length only the running program would know."""
    return fl.mistake(
        "HNY0107",
        message,
        node.span,
        help="count or add up what is wanted instead, or keep the elements in a map, or in an array of a struct:"
        " `field(:seen, {:array, :u64, 8})`",
    )


def elements(fl: Lowering, over: Value, span: Span) -> list[Value]:
    """The elements of a list or of a short range."""
    if isinstance(over, ListValue):
        return [fl.settled(item) for item in over.items]
    if isinstance(over, RangeValue):
        if len(over.numbers) > LONGEST_LIST:
            raise fl.mistake("HNY0603", f"lists have at most {LONGEST_LIST} elements", span)
        return [integer(number) for number in over.numbers]
    if isinstance(over, PlainMapValue):
        return [TupleValue((AtomValue(key), fl.settled(value))) for key, value in sorted(over.fields, key=_key)]
    if (length := array_length(over)) is not None:
        if length > LONGEST_LIST:
            raise fl.mistake("HNY0603", f"lists have at most {LONGEST_LIST} elements, and this array {length}", span)
        whole = binding.kept(fl, "", over, span)
        return [_element(fl, whole, integer(number), span) for number in range(length)]
    raise fl.mistake("HNY0603", f"expected a range or a list, got {describe(over)}", span, help="loop over `0..9`")


def _key(field: tuple[str, Value]) -> str:
    """What Elixir orders the pairs of a small map by."""
    return field[0]


def array_length(over: Value) -> int | None:
    """How many elements an array in memory has; ``None`` for other values."""
    if isinstance(over, MemoryValue | AggregateValue) and isinstance(over.type, t.Array):
        return over.type.length
    return None


def _element(fl: Lowering, array: Value, number: IntValue, span: Span) -> Value:
    """An element of an array, as it was when the loop began."""
    array = fl.settled(array)
    assert isinstance(array, MemoryValue | AggregateValue)
    place = access.element_place(fl, array, number, ast.Index(span, ast.Int(span, 0), ast.Int(span, 0)))
    return access.read_place(place, reference=isinstance(array, MemoryValue) and array.reference)


def _generate(fl: Lowering, steps: Sequence[ast.Node], body: Callable[[], None], span: Span) -> None:
    if not steps:
        body()
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, ast.Binary) and step.op == "<-":
        over = fl.required(fl.value(step.right), step.right.span, "Protocol.UndefinedError")
        each(
            fl,
            over,
            lambda value: _bind(fl, step.left, value, step.span, lambda: _generate(fl, rest, body, span)),
            span,
            _name(step.left),
        )
    else:
        conditions.branch(fl, _filter(step), lambda: _generate(fl, rest, body, span), None, step.span)


def _bind(fl: Lowering, pattern: ast.Node, value: Value, span: Span, then: Callable[[], None]) -> None:
    """Elements that do not match are passed over, as in Elixir."""
    found = patterns.test(fl, pattern, value)

    def bound() -> None:
        for item in found.bindings:
            binding.bind(fl, item.name, item.value, item.span)
        then()

    conditions.branch_on(fl, found.condition, bound, None, span)


def _name(pattern: ast.Node) -> str:
    return pattern.name if isinstance(pattern, ast.Var) else "i"


def each(fl: Lowering, over: Value, turn: Turn, span: Span, name: str = "i") -> None:
    """Runs ``turn`` for each element: a loop for a range, one after the other for a list."""
    if isinstance(over, RangeValue):
        _loop(fl, over, turn, span, name)
        return
    length = array_length(over)
    if length:
        whole = binding.kept(fl, "", over, span)
        _loop(fl, RangeValue(0, length - 1, 1), lambda i: turn(_numbered(fl, whole, i, span)), span, "i")
        return
    for item in elements(fl, over, span):
        with fl.block() as code:
            turn(item)
        fl.code.extend(code)


def _numbered(fl: Lowering, array: Value, number: Value, span: Span) -> Value:
    assert isinstance(number, IntValue)
    return _element(fl, array, number, span)


def _loop(fl: Lowering, over: RangeValue, turn: Turn, span: Span, name: str) -> None:
    if not over.numbers:
        return
    local = fl.fresh(name or "i", t.S64)
    fl.ranges[local.id] = over.numbers
    fl.epoch += 1
    with fl.block() as code:
        turn(IntValue(read(local)))
    fl.epoch += 1
    fl.code.append(OpenFor(local, over.numbers, code, span))


def collection(fl: Lowering, node: ast.Node) -> Value:
    return fl.required(fl.value(node), node.span, "Protocol.UndefinedError")


def parameter(function: FunctionValue) -> str:
    first = function.fn.clauses[0].patterns if function.fn.clauses else ()
    return first[0].name if first and isinstance(first[0], ast.Var) and first[0].name != "_" else "i"
