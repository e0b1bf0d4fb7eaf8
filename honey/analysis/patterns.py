# SPDX-License-Identifier: Apache-2.0
"""Patterns: the condition under which a value matches, and the names that are bound then.

Testing a pattern adds no code: the condition is an expression, and what is bound are expressions that may be evaluated
where the condition holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from honey.analysis import equality, storage
from honey.analysis.code import negate
from honey.analysis.conditions import Condition, both, either, known
from honey.analysis.errors import suggestion
from honey.analysis.joins import join_all
from honey.analysis.scope import OptionalFact, UnionFact
from honey.analysis.shapes import (
    component_types,
    rebuild,
    shape_of,
)
from honey.analysis.values import (
    AggregateValue,
    ContextValue,
    ListValue,
    MemoryValue,
    NilValue,
    OptionalValue,
    PlainMapValue,
    RestValue,
    StringValue,
    TupleValue,
    UnionValue,
    Value,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass, replace
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


@dataclass(frozen=True, slots=True)
class Bound:
    """A name bound by a pattern."""

    name: str
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Match:
    """When a pattern matches, and what it binds then."""

    condition: Condition
    bindings: tuple[Bound, ...] = ()


BITS = 'take bytes by their index (`bytes[0]`), bits by `x >>> 4 &&& 0xF`, and a prefix off a text by `"ab" <> rest`'
"""What to write in place of ``<<...>>``."""

ALWAYS = Match(known(True))
NEVER_MATCHES = Match(known(False))


def test(fl: Lowering, pattern: ast.Node, value: Value) -> Match:
    """Matches ``value`` against ``pattern``; a name that stands in it twice must have equal values."""
    return test_all(fl, [(pattern, value)])


def test_all(fl: Lowering, parts: Sequence[tuple[ast.Node, Value]]) -> Match:
    """The same for several patterns that must match together, such as the parameters of a clause."""
    seen: dict[str, Bound] = {}
    condition = known(True)
    for pattern, value in parts:
        found = _test(fl, pattern, fl.settled(value))
        condition = both(condition, found.condition)
        for bound in found.bindings:
            if bound.name in seen:
                again = equality.equal(fl, seen[bound.name].value, bound.value, bound.span)
                condition = both(condition, again)
            else:
                seen[bound.name] = bound
    return Match(condition, tuple(seen.values()))


def names(pattern: ast.Node) -> list[tuple[str, Span]]:
    """The names that a pattern binds."""
    from honey.analysis.syntax_tree import walk

    return [(node.name, node.span) for node in walk(pattern) if isinstance(node, ast.Var) and node.name != "_"]


def _test(fl: Lowering, pattern: ast.Node, value: Value) -> Match:
    if isinstance(pattern, ast.Var):
        if pattern.name == "_":
            return ALWAYS
        return Match(known(True), (Bound(pattern.name, value, pattern.span),))
    if isinstance(pattern, ast.Binary) and pattern.op == "=":
        return _all(fl, [(pattern.left, value), (pattern.right, value)])
    handler = _STRUCTURED.get(type(pattern))
    if handler is not None:
        return _open(fl, handler, pattern, value)
    if isinstance(pattern, ast.Binary) and pattern.op == "<>":
        return _open(fl, _prefix, pattern, value)
    return Match(equality.equal(fl, _constant(fl, pattern), value, pattern.span))


def _constant(fl: Lowering, pattern: ast.Node) -> Value:
    if isinstance(pattern, ast.Pin):
        binding = fl.scope.find(pattern.name)
        if binding is None:
            raise fl.mistake(
                "HNY0101",
                f"there is no variable {pattern.name}",
                pattern.span,
                help=suggestion(pattern.name, fl.scope.names(), "^{}"),
            )
        return binding.value
    if isinstance(pattern, ast.Int | ast.Str | ast.Atom | ast.Attribute | ast.Alias | ast.Unary | ast.Charlist):
        return fl.value(pattern)
    if isinstance(pattern, ast.Dot | ast.Index):
        help = "take the value apart into names, and then assign to each: `name.field = value`"
        raise fl.mistake("HNY0605", "a pattern binds names, and does not assign to fields", pattern.span, help=help)
    if isinstance(pattern, ast.Binary) and pattern.op in ("..", "//"):
        text = fl.report.source.text(pattern.span)
        raise fl.mistake(
            "HNY0605",
            "a range is no pattern for the numbers in it",
            pattern.span,
            help=f"write `x when x in {text}`",
        )
    if isinstance(pattern, ast.Binary) and pattern.op in ("|", "or", "||", "|||"):
        one, other = (fl.report.source.text(side.span) for side in (pattern.left, pattern.right))
        help = f"for one of several values write `x when x in [{one}, {other}]`"
        raise fl.mistake("HNY0605", "this cannot stand in a pattern", pattern.span, help=help)
    raise fl.mistake(
        "HNY0605",
        "this cannot stand in a pattern",
        pattern.span,
        help=BITS
        if isinstance(pattern, ast.Bitstring)
        else "patterns are made of names, constants, tuples, lists, maps and structs; conditions go behind `when`",
    )


Handler = Callable[["Lowering", Any, Value], Match]


def _open(fl: Lowering, handler: Handler, pattern: ast.Node, value: Value) -> Match:
    """Matches what may be nil, or of several kinds, against a pattern with a structure."""
    match value:
        case NilValue():
            return NEVER_MATCHES
        case OptionalValue():
            inner = _open(fl, handler, pattern, equality.peek(fl, value))
            fact = OptionalFact(value, True)
            there = Condition(negate(value.is_nil), (fact,), (OptionalFact(value, False),))
            return Match(both(there, inner.condition), inner.bindings)
        case UnionValue():
            return _test_union(fl, handler, pattern, value)
        case _:
            return handler(fl, pattern, value)


def _test_union(fl: Lowering, handler: Handler, pattern: ast.Node, value: UnionValue) -> Match:
    possible = sorted(fl.scope.alternatives(value))
    matches = {number: _open(fl, handler, pattern, value.alternatives[number]) for number in possible}
    matches = {number: found for number, found in matches.items() if found.condition.constant is not False}
    result = known(False)
    for number, found in matches.items():
        here = Condition(n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL))
        result = either(result, both(here, Condition(found.condition.expr)))
    sure = frozenset(number for number, found in matches.items() if found.condition.constant is True)
    if sure == frozenset(possible):
        return Match(known(True), _merged(fl, value, matches, pattern.span))
    facts = (UnionFact(value, frozenset(matches)),)
    against = (UnionFact(value, frozenset(possible) - sure),)
    inner_facts = next(iter(matches.values())).condition.when_true if len(matches) == 1 else ()
    return Match(Condition(result.expr, (*facts, *inner_facts), against), _merged(fl, value, matches, pattern.span))


def _merged(fl: Lowering, value: UnionValue, matches: dict[int, Match], span: Span) -> tuple[Bound, ...]:
    """What is bound where several alternatives match: each name once, with the value of the one at hand."""
    found = list(matches.values())
    if len(found) < 2 or not found[0].bindings:
        return found[0].bindings if found else ()
    merged = []
    for index, bound in enumerate(found[0].bindings):
        values = [other.bindings[index].value for other in found]
        shape = join_all([shape_of(one) for one in values])
        if storage.zero_free(component_types(shape)):
            raise fl.mistake("HNY0605", "this pattern matches values of several kinds", span)
        parts = [storage.components(fl, one, shape, span) for one in values]
        chosen = parts[-1]
        for number, candidate in list(zip(matches, parts, strict=True))[-2::-1]:
            here = n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL)
            chosen = [storage.select(here, a, b) for a, b in zip(candidate, chosen, strict=True) if a and b]
        merged.append(replace(bound, value=rebuild(shape, [part for part in chosen if part is not None])))
    return tuple(merged)


# ---------------------------------------------------------------- patterns with a structure


def _all(fl: Lowering, parts: Sequence[tuple[ast.Node, Value]]) -> Match:
    condition, bindings = known(True), list[Bound]()
    for pattern, value in parts:
        found = _test(fl, pattern, fl.settled(value))
        condition = both(condition, found.condition)
        bindings.extend(found.bindings)
        if condition.constant is False:
            return NEVER_MATCHES
    return Match(condition, tuple(bindings))


def _tuple(fl: Lowering, pattern: ast.Tuple, value: Value) -> Match:
    if not isinstance(value, TupleValue) or len(value.items) != len(pattern.items):
        return NEVER_MATCHES
    return _all(fl, list(zip(pattern.items, value.items, strict=True)))


def _list(fl: Lowering, pattern: ast.ListLit, value: Value) -> Match:
    if not isinstance(value, ListValue):
        return NEVER_MATCHES
    wanted, have = len(pattern.items), len(value.items)
    if have < wanted or (pattern.tail is None and have != wanted):
        return NEVER_MATCHES
    parts = [(_pair_pattern(item), part) for item, part in zip(pattern.items, value.items[:wanted], strict=True)]
    if pattern.tail is not None:
        parts.append((pattern.tail, ListValue(value.items[wanted:])))
    return _all(fl, parts)


def _keywords(fl: Lowering, pattern: ast.KeywordList, value: Value) -> Match:
    items = tuple(_pair_pattern(pair) for pair in pattern.pairs)
    return _list(fl, ast.ListLit(pattern.span, items, None), value)


def _pair_pattern(item: ast.Node) -> ast.Node:
    return ast.Tuple(item.span, (item.key, item.value)) if isinstance(item, ast.Pair) else item


def _map(fl: Lowering, pattern: ast.MapLit, value: Value) -> Match:
    if pattern.base is not None:
        raise fl.mistake("HNY0605", "a pattern cannot change a map", pattern.span)
    if isinstance(value, PlainMapValue):
        return _map_fields(fl, pattern.entries, value)
    if isinstance(value, ContextValue):
        return _of_context(fl, pattern.entries, value)
    return _fields(fl, pattern.entries, value)


def _map_fields(fl: Lowering, entries: Sequence[ast.Pair], value: PlainMapValue) -> Match:
    parts = []
    for pair in entries:
        found = value.get(pair.key.name) if isinstance(pair.key, ast.Atom) else None
        if found is None:
            return NEVER_MATCHES
        parts.append((pair.value, found))
    return _all(fl, parts)


def _of_context(fl: Lowering, entries: Sequence[ast.Pair], value: ContextValue) -> Match:
    """``%{pid: pid} = ctx``: fields of the context by name."""
    from honey.analysis import context

    parts: list[tuple[ast.Node, Value]] = []
    for pair in entries:
        if not isinstance(pair.key, ast.Atom):
            raise fl.mistake("HNY0605", "the fields of the context have names", pair.span)
        field = ast.Dot(pair.span, pair.key, pair.key.name, pair.key.span)
        parts.append((pair.value, context.field(fl, value, field, "")))
    return _all(fl, parts)


def _struct(fl: Lowering, pattern: ast.StructLit, value: Value) -> Match:
    from honey.analysis.expressions import named_struct

    if not isinstance(pattern.name, ast.Var) or pattern.name.name != "_":
        struct = named_struct(fl, pattern.name)
        if not isinstance(value, MemoryValue | AggregateValue) or value.type != struct:
            return NEVER_MATCHES
    return _fields(fl, pattern.entries, value)


def _fields(fl: Lowering, entries: Sequence[ast.Pair], value: Value) -> Match:
    from honey.analysis.access import place_of, read_place

    if not isinstance(value, MemoryValue | AggregateValue) or not isinstance(value.type, t.Struct):
        return NEVER_MATCHES
    parts = []
    for pair in entries:
        if not isinstance(pair.key, ast.Atom):
            raise fl.mistake("HNY0605", "the fields of a struct have names", pair.span)
        field = fl.unit.module.types.field(value.type, pair.key.name, pair.key.span)
        place = n.FieldPlace(place_of(fl, value, pair.span), field.name, field.type)
        reference = isinstance(value, MemoryValue) and value.reference
        parts.append((pair.value, read_place(place, reference=reference)))
    return _all(fl, parts)


def _prefix(fl: Lowering, pattern: ast.Binary, value: Value) -> Match:
    prefix = fl.value(pattern.left)
    if not isinstance(prefix, StringValue):
        raise fl.mistake("HNY0605", "what stands before `<>` in a pattern is a string", pattern.left.span)
    condition = prefixed(fl, value, prefix.data, pattern.span)
    named = not isinstance(pattern.right, ast.Var) or not pattern.right.name.startswith("_")
    if condition.constant is False or not named:
        return Match(condition)
    inner = _test(fl, pattern.right, _behind(value, len(prefix.data)))
    return Match(both(condition, inner.condition), inner.bindings)


def prefixed(fl: Lowering, value: Value, prefix: bytes, span: Span) -> Condition:
    """Whether a text begins with ``prefix``; what is no text does not."""
    match value:
        case StringValue(data):
            return known(data.startswith(prefix))
        case RestValue(text, start) if start + len(prefix) <= text.type.size:
            return equality.bytes_equal(fl, text, prefix, span, start)
        case MemoryValue() | AggregateValue() if (
            isinstance(value.type, t.Chars | t.Array) and len(prefix) <= value.type.size
        ):
            return equality.bytes_equal(fl, value, prefix, span)
        case _:
            return known(False)


def _behind(value: Value, start: int) -> Value:
    """What stands behind the first ``start`` bytes of a text; a copy is made where a name is bound to it."""
    if isinstance(value, StringValue):
        return StringValue(value.data[start:])
    if isinstance(value, RestValue):
        return _behind(value.text, value.start + start)
    assert isinstance(value, MemoryValue | AggregateValue)
    return RestValue(value, start) if start < value.type.size else StringValue(b"")


_STRUCTURED: dict[type, Handler] = {
    ast.Tuple: _tuple,
    ast.ListLit: _list,
    ast.KeywordList: _keywords,
    ast.MapLit: _map,
    ast.StructLit: _struct,
}
