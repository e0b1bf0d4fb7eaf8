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
    AtomValue,
    BoolValue,
    ContextValue,
    FunctionValue,
    IntValue,
    ListValue,
    MemoryValue,
    NeverValue,
    NilValue,
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


def join_all(shapes: Sequence[Shape]) -> Shape:
    """The shape that values of all these shapes can be stored as."""
    joined: Shape = NeverShape()
    for shape in shapes:
        joined = join(joined, shape)
    return joined


def join(left: Shape, right: Shape) -> Shape:
    """The shape that values of both shapes can be stored as."""
    if left == right:
        return left
    match left, right:
        case NeverShape(), other:
            return other
        case other, NeverShape():
            return other
        case IntShape(), IntShape():
            joined = join_ints(left, right)
            return joined if joined is not None else _union(left, right)
        case ((AtomShape() | StaticShape(AtomValue())), (AtomShape() | StaticShape(AtomValue()))):
            return AtomShape(_names(left) | _names(right))
        case (OptionalShape(inner), StaticShape(NilValue())) | (StaticShape(NilValue()), OptionalShape(inner)):
            return OptionalShape(inner)
        case OptionalShape(one), OptionalShape(other):
            return OptionalShape(join(one, other))
        case AddressShape(), AddressShape():
            return AddressShape(t.Address(left.type.space))
        case (AddressShape() as one, StaticShape(NilValue())) | (StaticShape(NilValue()), AddressShape() as one):
            return one
        case (StaticShape(NilValue()), other) | (other, StaticShape(NilValue())) if not isinstance(other, UnionShape):
            return OptionalShape(other)
        case (OptionalShape(inner), other) | (other, OptionalShape(inner)) if not isinstance(other, UnionShape):
            return OptionalShape(join(inner, other))
        case (RefShape(target), MemoryShape(type_)) | (MemoryShape(type_), RefShape(target)) if target == type_:
            return MemoryShape(type_)
        case RefShape(target), RefShape(other_target) if target == other_target:
            return MemoryShape(target)  # one in a packet, one in a map: what they have in common is the value
        case (MemoryShape(t.Chars(length)) as one, StaticShape(StringValue(data))) | (
            StaticShape(StringValue(data)),
            MemoryShape(t.Chars(length)) as one,
        ) if len(data) <= length:
            return one
        case FunctionShape(origin, ones), FunctionShape(other_origin, others) if origin is other_origin:
            return FunctionShape(origin, tuple(join(one, other) for one, other in zip(ones, others, strict=True)))
        case SequenceShape(), SequenceShape() if _same_form(left, right):
            items = tuple(join(one, other) for one, other in zip(left.items, right.items, strict=True))
            return SequenceShape(items, left.kind, left.names)
        case _:
            return _union(left, right)


def _names(shape: AtomShape | StaticShape) -> frozenset[str]:
    if isinstance(shape, AtomShape):
        return shape.names
    return frozenset({shape.value.name}) if isinstance(shape.value, AtomValue) else frozenset()


def _same_form(left: SequenceShape, right: SequenceShape) -> bool:
    if (left.kind, left.names, len(left.items)) != (right.kind, right.names, len(right.items)):
        return False
    return not (left.kind == "tuple" and _tags(left) != _tags(right))


def _tags(shape: SequenceShape) -> object:
    """The atom in front of a tagged tuple: ``{:ok, x}`` and ``{:error, e}`` stay apart."""
    first = shape.items[0] if shape.items else None
    return first.value if isinstance(first, StaticShape) and isinstance(first.value, AtomValue) else None


def _union(left: Shape, right: Shape) -> Shape:
    alternatives: list[Shape] = list(left.alternatives) if isinstance(left, UnionShape) else [left]
    others: tuple[Shape, ...] = right.alternatives if isinstance(right, UnionShape) else (right,)
    for shape in others:
        for index, known in enumerate(alternatives):
            joined = join(known, shape) if _close(known, shape) else None
            if joined is not None:
                alternatives[index] = joined
                break
        else:
            alternatives.append(shape)
    return UnionShape(tuple(alternatives)) if len(alternatives) > 1 else alternatives[0]


def _close(left: Shape, right: Shape) -> bool:
    if left == right:
        return True
    match left, right:
        case IntShape(), IntShape():
            return join_ints(left, right) is not None
        case (AtomShape(), (AtomShape() | StaticShape(AtomValue()))) | (StaticShape(AtomValue()), AtomShape()):
            return True
        case SequenceShape(), SequenceShape():
            return _same_form(left, right)
        case FunctionShape(origin), FunctionShape(other_origin):
            return origin is other_origin
        case _:
            return False


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


def join_ints(left: IntShape, right: IntShape) -> IntShape | None:
    """The type that holds both; ``None`` for network order beside host order."""
    if left.literal and right.literal:
        return IntShape(left.type if left.type == right.type else t.U64, literal=False)
    if left.literal or right.literal:
        typed = right if left.literal else left
        return None if typed.type.big_endian else IntShape(t.Int(64, typed.type.signed))
    if left.type == right.type:
        return IntShape(left.type)
    if left.type.big_endian or right.type.big_endian:
        return None
    return IntShape(t.Int(64, left.type.signed and right.type.signed))


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
