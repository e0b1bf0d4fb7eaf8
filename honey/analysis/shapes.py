# SPDX-License-Identifier: Apache-2.0
"""The shape of a value: what must exist when the program runs (its components), and what is known without.

Where several values meet (the branches of an ``if``, the arguments of all calls of a function, its results) their
shapes are joined, and each value is stored as the components of the joined shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from honey.analysis.values import (
    NIL,
    AddressValue,
    AggregateValue,
    BoolValue,
    ContextValue,
    FunctionValue,
    IntValue,
    ListValue,
    MemoryValue,
    NeverValue,
    OptionalValue,
    PlainMapValue,
    PoisonValue,
    RuntimeAtom,
    StringValue,
    TextValue,
    TupleValue,
    UnionValue,
    Value,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class IntShape:
    """An integer; one that is only known as a literal has no opinion on the type."""

    type: t.Int
    literal: bool = False


@dataclass(frozen=True, slots=True)
class BoolShape:
    """A truth value."""


@dataclass(frozen=True, slots=True)
class AtomShape:
    """One of several atoms, which are told apart when the program runs."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class StaticShape:
    """What is known now and needs no component: nil, a string, a map's name, a function."""

    value: object


@dataclass(frozen=True, slots=True)
class MemoryShape:
    """A struct, array or ``char[n]`` by value."""

    type: t.Type


@dataclass(frozen=True, slots=True)
class RefShape:
    """A map value or record."""

    target: t.Type
    space: t.Space


@dataclass(frozen=True, slots=True)
class AddressShape:
    """An address in user or kernel memory."""

    type: t.Address


@dataclass(frozen=True, slots=True)
class ContextShape:
    """The context."""

    type: t.Type


@dataclass(frozen=True, slots=True)
class SequenceShape:
    """A tuple or (``list``) a list, or a map with these ``names``, or the parts of a ``text``."""

    items: tuple[Shape, ...]
    kind: str = "tuple"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionShape:
    """An anonymous function that sees values which only exist when the program runs; it was written at ``origin``."""

    origin: FunctionValue
    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class OptionalShape:
    """``inner`` or nil."""

    inner: Shape


@dataclass(frozen=True, slots=True)
class UnionShape:
    """One of several shapes, by number."""

    alternatives: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class NeverShape:
    """No value comes back."""


Shape = (
    IntShape
    | BoolShape
    | AtomShape
    | StaticShape
    | MemoryShape
    | RefShape
    | AddressShape
    | ContextShape
    | SequenceShape
    | FunctionShape
    | OptionalShape
    | UnionShape
    | NeverShape
)

NIL_SHAPE = StaticShape(NIL)


def shape_of(value: Value) -> Shape:
    """The shape of one value."""
    match value:
        case IntValue(expr, literal):
            return IntShape(value.type, literal and isinstance(expr, n.Const))
        case BoolValue():
            return BoolShape()
        case RuntimeAtom(names=names):
            return AtomShape(names)
        case MemoryValue(n.DerefPlace(ref, type_), True) if isinstance(ref.type, t.Ref):
            return RefShape(type_, ref.type.space)
        case MemoryValue() | AggregateValue():
            return MemoryShape(value.type)
        case AddressValue():
            return AddressShape(value.type)
        case ContextValue(expr):
            return ContextShape(expr.type)
        case TupleValue(items):
            return SequenceShape(tuple(shape_of(item) for item in items))
        case ListValue(items):
            return SequenceShape(_of_one_order(items), "list")
        case PlainMapValue(fields):
            return SequenceShape(tuple(shape_of(item) for _, item in fields), "map", tuple(name for name, _ in fields))
        case FunctionValue(origin=origin):
            from honey.analysis.closures import captured

            seen = tuple(shape_of(item) for _, item in captured(value))
            return FunctionShape(origin or value, seen) if seen else StaticShape(value)
        case TextValue(parts):
            values = (StringValue(part.encode()) if isinstance(part, str) else part for part in parts)
            return SequenceShape(tuple(map(shape_of, values)), "text")
        case OptionalValue(present=present):
            return OptionalShape(shape_of(present))
        case UnionValue(alternatives=alternatives):
            return UnionShape(tuple(shape_of(alternative) for alternative in alternatives))
        case NeverValue() | PoisonValue():
            return NeverShape()
        case _:
            return StaticShape(value)


def _of_one_order(items: tuple[Value, ...]) -> tuple[Shape, ...]:
    """The shapes of a list's items, where a literal 0 among numbers in network order is one of them."""
    shapes = tuple(shape_of(item) for item in items)
    firm = {shape for shape in shapes if not (isinstance(shape, IntShape) and shape.literal)}
    only = next(iter(firm)) if len(firm) == 1 else None
    if not (isinstance(only, IntShape) and only.type.big_endian):
        return shapes
    zero = (isinstance(item, IntValue) and item.literal and item.constant == 0 for item in items)
    return tuple(only if is_zero else shape for is_zero, shape in zip(zero, shapes, strict=True))


# ---------------------------------------------------------------- components

Rebuild = Callable[[Sequence[n.Expr]], Value]


def component_types(shape: Shape) -> list[t.Type]:
    """What must exist when the program runs, in order."""
    match shape:
        case IntShape(type_) | AddressShape(type_) | MemoryShape(type_) | ContextShape(type_):
            return [type_]
        case BoolShape():
            return [t.BOOL]
        case AtomShape():
            return [t.U64]
        case RefShape(target, space):
            return [t.Ref(target, space)]
        case SequenceShape(items) | FunctionShape(items=items):
            return [type_ for item in items for type_ in component_types(item)]
        case OptionalShape(RefShape(target, space)):
            return [t.Ref(target, space, nullable=True)]
        case OptionalShape(inner):
            return [t.BOOL, *component_types(inner)]
        case UnionShape(alternatives):
            return [t.U64, *(type_ for shape in alternatives for type_ in component_types(shape))]
        case StaticShape() | NeverShape():
            return []


def component_names(shape: Shape, name: str) -> list[str]:
    """What the components of something called ``name`` are called."""
    match shape:
        case SequenceShape(items, _, names):
            parts = names or tuple(str(number) for number in range(len(items)))
            pairs = zip(items, parts, strict=True)
            return [found for item, part in pairs for found in component_names(item, f"{name}_{part}")]
        case FunctionShape(origin, items):
            from honey.analysis.closures import captured

            pairs = zip(items, (seen for seen, _ in captured(origin)), strict=True)
            return [found for item, part in pairs for found in component_names(item, part)]
        case OptionalShape(inner) if not isinstance(inner, RefShape):
            return [f"has_{name}", *component_names(inner, name)]
        case UnionShape(alternatives):
            return [f"{name}_kind", *(found for inner in alternatives for found in component_names(inner, name))]
        case _:
            return [name] * len(component_types(shape))


def rebuild(shape: Shape, parts: Sequence[n.Expr]) -> Value:
    """The value of ``shape`` whose components are ``parts`` (aggregates as ``Read`` of where they lie)."""
    value, rest = _rebuild(shape, list(parts))
    assert not rest
    return value


def _rebuild(shape: Shape, parts: list[n.Expr]) -> tuple[Value, list[n.Expr]]:
    match shape:
        case IntShape():
            return IntValue(parts[0]), parts[1:]
        case BoolShape():
            return BoolValue(parts[0]), parts[1:]
        case AtomShape(names):
            return RuntimeAtom(parts[0], names), parts[1:]
        case MemoryShape():
            part = parts[0]
            return (MemoryValue(part.place) if isinstance(part, n.Read) else AggregateValue(part)), parts[1:]
        case RefShape(target):
            return MemoryValue(n.DerefPlace(parts[0], target), reference=True), parts[1:]
        case AddressShape():
            return AddressValue(parts[0]), parts[1:]
        case ContextShape():
            return ContextValue(parts[0]), parts[1:]
        case SequenceShape(items, kind, names):
            values: list[Value] = []
            for item in items:
                value, parts = _rebuild(item, parts)
                values.append(value)
            return _sequence(kind, names, tuple(values)), parts
        case OptionalShape(RefShape(target, space)):
            present = n.NonNull(parts[0], t.Ref(target, space))
            value = MemoryValue(n.DerefPlace(present, target), reference=True)
            return OptionalValue(n.IsNull(parts[0]), value), parts[1:]
        case OptionalShape(inner):
            absent = n.Unary(n.UnaryOp.NOT, parts[0], t.BOOL)
            value, rest = _rebuild(inner, parts[1:])
            return OptionalValue(absent, value), rest
        case UnionShape(alternatives):
            tag, parts = parts[0], parts[1:]
            values = []
            for item in alternatives:
                value, parts = _rebuild(item, parts)
                values.append(value)
            return UnionValue(tag, tuple(values)), parts
        case FunctionShape(origin, items):
            from honey.analysis.closures import reopened

            values = []
            for item in items:
                value, parts = _rebuild(item, parts)
                values.append(value)
            return reopened(origin, iter(values)), parts
        case StaticShape(known):
            return known, parts  # type: ignore[return-value]  # StaticShape holds a Value; the cycle hides it
        case NeverShape():
            return NeverValue(), parts


def _sequence(kind: str, names: tuple[str, ...], items: tuple[Value, ...]) -> Value:
    if kind == "text":
        texts = (item.data.decode(errors="replace") if isinstance(item, StringValue) else item for item in items)
        return TextValue(tuple(texts))
    if kind == "map":
        return PlainMapValue(tuple(zip(names, items, strict=True)))
    return ListValue(items) if kind == "list" else TupleValue(items)
