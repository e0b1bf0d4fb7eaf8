# SPDX-License-Identifier: Apache-2.0
"""The shape that values of several shapes can be stored as."""

from __future__ import annotations

from collections.abc import Sequence

from honey.analysis.shapes import (
    AddressShape,
    AtomShape,
    FunctionShape,
    IntShape,
    MemoryShape,
    NeverShape,
    OptionalShape,
    RefShape,
    SequenceShape,
    Shape,
    StaticShape,
    UnionShape,
)
from honey.analysis.values import AtomValue, NilValue, StringValue
from honey.ir import types as t


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
        case (AddressShape() as one, IntShape(type_, literal=False)) | (
            IntShape(type_, literal=False),
            AddressShape() as one,
        ) if type_ == t.U64:
            return AddressShape(t.Address(one.type.space))  # such as the task, which a helper gives as a number
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
