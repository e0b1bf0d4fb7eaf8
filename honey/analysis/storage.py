# SPDX-License-Identifier: Apache-2.0
"""Values taken apart into the components of a shape, and the values of several branches brought together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import convert
from honey.analysis.code import Code, OpenIf, Slot, is_empty, negate, statements
from honey.analysis.errors import Poisoned
from honey.analysis.joins import join, join_all
from honey.analysis.lowering import read
from honey.analysis.shapes import (
    AddressShape,
    AtomShape,
    BoolShape,
    ContextShape,
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
    component_names,
    component_types,
    rebuild,
    shape_of,
)
from honey.analysis.values import (
    NEVER,
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
    RuntimeAtom,
    StringValue,
    TextValue,
    TupleValue,
    UnionValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import walk
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

Component = n.Expr | None
"""An expression, or nothing where the alternative that needs the component is not the one at hand."""

_LARGEST_SELECT = 12


def components(fl: Lowering, value: Value, shape: Shape, span: Span) -> list[Component]:
    """``value`` as the components of ``shape``, which is a shape that it was joined into."""
    match shape, value:
        case ((StaticShape() | NeverShape()), _):
            return []
        case IntShape(type_), IntValue():
            return [convert.store_int(fl, value, type_, span)]
        case BoolShape(), BoolValue(expr):
            return [expr]
        case AtomShape(), (AtomValue() | RuntimeAtom()):
            return [fl.unit.atoms.expr(value)]
        case MemoryShape(), MemoryValue(place):
            return [n.Read(place, place.type)]
        case MemoryShape(), AggregateValue(expr):
            return [expr]
        case MemoryShape(t.Chars() as type_), StringValue(data):
            return [n.Bytes(data, type_)]
        case RefShape(), MemoryValue(n.DerefPlace(ref)):
            return [ref]
        case AddressShape(type_), (AddressValue() | NilValue()):
            return [convert.store(fl, value, type_, span) if isinstance(value, AddressValue) else n.Const(0, type_)]
        case AddressShape(type_), IntValue():
            return [convert.store(fl, value, type_, span)]
        case ContextShape(), ContextValue(expr):
            return [expr]
        case FunctionShape(items=items), FunctionValue():
            from honey.analysis.closures import captured

            seen = zip(captured(value), items, strict=True)
            return [part for (_, item), inner in seen for part in components(fl, fl.settled(item), inner, span)]
        case SequenceShape(items), TextValue(texts):
            values = [StringValue(text.encode()) if isinstance(text, str) else text for text in texts]
            pairs = zip(values, items, strict=True)
            return [part for item, inner in pairs for part in components(fl, fl.settled(item), inner, span)]
        case SequenceShape(items), (TupleValue() | ListValue() | PlainMapValue()):
            values = [v for _, v in value.fields] if isinstance(value, PlainMapValue) else list(value.items)
            parts = zip(values, items, strict=True)
            return [part for item, inner in parts for part in components(fl, item, inner, span)]
        case OptionalShape(inner), _:
            return _optional(fl, value, inner, span)
        case UnionShape(), _:
            return _union(fl, value, shape, span)
        case _:
            raise fl.mistake("HNY0200", f"{describe(value)} cannot be kept together with the other values here", span)


def _optional(fl: Lowering, value: Value, inner: Shape, span: Span) -> list[Component]:
    if isinstance(inner, RefShape):
        match value:
            case NilValue():
                return [n.Const(0, t.Ref(inner.target, inner.space, nullable=True))]
            case OptionalValue(present=MemoryValue(n.DerefPlace(n.NonNull(operand)))):
                return [operand]
            case MemoryValue(n.DerefPlace(ref)):
                return [n.Cast(ref, t.Ref(inner.target, inner.space, nullable=True))]
    if isinstance(value, NilValue):
        return [n.Const(0, t.BOOL), *_zeros(inner)]
    if isinstance(value, OptionalValue):
        present = components(fl, value.present, inner, span)
        return [negate(value.is_nil), *(_guarded(fl, value.is_nil, part, span) for part in present)]
    return [n.Const(1, t.BOOL), *components(fl, value, inner, span)]


def _zeros(shape: Shape) -> list[Component]:
    return [zero(type_) for type_ in component_types(shape)]


def zero(type_: t.Type) -> n.Expr | None:
    """The zero of a scalar type; ``None`` for what lies in memory."""
    return None if isinstance(type_, t.Struct | t.Array | t.Chars) else n.Const(0, type_)


def _guarded(fl: Lowering, is_nil: n.Expr, part: Component, span: Span) -> Component:
    """``part`` where it may be evaluated only if ``is_nil`` is false."""
    if part is None or not any(isinstance(node, n.NonNull) for node in walk(part)):
        return part
    if (nothing := zero(part.type)) is not None:
        return n.Select(is_nil, nothing, part, part.type)
    local = fl.declare("copy", part.type, span)
    fl.code.append(OpenIf(is_nil, [], [n.Assign(n.LocalPlace(local), part, span)], span))
    return read(local)


def _union(fl: Lowering, value: Value, shape: UnionShape, span: Span) -> list[Component]:
    if isinstance(value, OptionalValue):
        value = UnionValue(
            n.Select(value.is_nil, n.Const(0, t.U64), n.Const(1, t.U64), t.U64), (NilValue(), value.present)
        )
    if not isinstance(value, UnionValue):
        index = _index(fl, value, shape, span)
        return [n.Const(index, t.U64), *_alternative(fl, value, shape, index, span)]
    tag: n.Expr | None = None
    merged: list[Component] = []
    for number, alternative in enumerate(value.alternatives):
        index = _index(fl, alternative, shape, span)
        here = n.Binary(n.BinaryOp.EQ, value.tag, n.Const(number, t.U64), t.BOOL)
        parts = _alternative(fl, alternative, shape, index, span)
        if tag is None:
            tag, merged = n.Const(index, t.U64), parts
            continue
        tag = n.Select(here, n.Const(index, t.U64), tag, t.U64)
        merged = [_either(here, new, old) for new, old in zip(parts, merged, strict=True)]
    assert tag is not None
    return [tag, *merged]


def _either(here: n.Expr, new: Component, old: Component) -> Component:
    if new is None or new == old:
        return old if new is None else new
    return new if old is None else n.Select(here, new, old, new.type)


def _index(fl: Lowering, value: Value, shape: UnionShape, span: Span) -> int:
    mine = shape_of(value)
    for index, alternative in enumerate(shape.alternatives):
        if join(alternative, mine) == alternative:
            return index
    raise fl.mistake("HNY0200", f"{describe(value)} cannot be kept together with the other values here", span)


def _alternative(fl: Lowering, value: Value, shape: UnionShape, index: int, span: Span) -> list[Component]:
    parts: list[Component] = []
    for number, alternative in enumerate(shape.alternatives):
        parts += components(fl, value, alternative, span) if number == index else _zeros(alternative)
    return parts


class Join:
    """Collects the values of the branches of a construct and makes one value of them."""

    def __init__(self, fl: Lowering, name: str, span: Span) -> None:
        """Before the construct is analysed; ``name`` is what the value is to be called."""
        self.name = name
        self.span = span
        self._before = Slot()
        self._outcomes: list[tuple[Slot, Value, Span]] = []
        self._spoilt = False
        fl.code.append(self._before)

    def spoil(self, fl: Lowering) -> None:
        """A branch ends with a mistake, which has been reported."""
        del fl
        self._spoilt = True

    def take_value(self, fl: Lowering, value: Value, span: Span) -> None:
        """The current branch ends with ``value``."""
        value = fl.settled(value)
        if isinstance(value, NeverValue) or fl.left:
            return
        if isinstance(value, TextValue):
            raise fl.mistake("HNY0200", "text with values in it can only be printed", span)
        slot = Slot()
        fl.code.append(slot)
        self._outcomes.append((slot, value, span))

    def result(self, fl: Lowering) -> Value:
        """After the construct: the value of the branch that was taken."""
        if self._spoilt:
            raise Poisoned
        if not self._outcomes:
            return NEVER
        if len(self._outcomes) == 1 and self._outcomes[0][0] in _reached(fl):
            return self._outcomes[0][1]
        shape = join_all([shape_of(value) for _, value, _ in self._outcomes])
        types = component_types(shape)
        if not types:
            return rebuild(shape, [])
        chosen = self._as_select(fl, shape, types)
        if chosen is not None:
            return rebuild(shape, chosen)
        stores = [self._parts(fl, slot, value, shape, span) for slot, value, span in self._outcomes]
        names = component_names(shape, self.name or "result")
        locals_ = [
            self._adopted(fl, [parts[index] for parts in stores]) or fl.fresh(name, type_)
            for index, (name, type_) in enumerate(zip(names, types, strict=True))
        ]
        self._before.code.extend(n.Let(local, None, self.span) for local in locals_)
        for (slot, _, span), parts in zip(self._outcomes, stores, strict=True):
            for local, part in zip(locals_, parts, strict=True):
                if part is not None and part != read(local):
                    slot.code.append(n.Assign(n.LocalPlace(local), part, span))
        return rebuild(shape, [read(local) for local in locals_])

    @staticmethod
    def _parts(fl: Lowering, slot: Slot, value: Value, shape: Shape, span: Span) -> list[Component]:
        outer, fl.code = fl.code, slot.code
        try:
            return components(fl, value, shape, span)
        finally:
            fl.code = outer

    @staticmethod
    def _adopted(fl: Lowering, parts: list[Component]) -> n.Local | None:
        """A struct that a branch has made for itself, to hold the result of all branches: it need not be copied."""
        for part in parts:
            if isinstance(part, n.Read) and isinstance(part.place, n.LocalPlace) and not is_register(part.type):
                local = part.place.local
                if local.id not in fl.owned and _undeclare(fl.code, local):
                    return local
        return None

    def _as_select(self, fl: Lowering, shape: Shape, types: list[t.Type]) -> list[n.Expr] | None:
        """The value as ``condition ? a : b``, if nothing else is done in the two branches."""
        branch = fl.code[-1] if fl.code else None
        if len(self._outcomes) != 2 or not isinstance(branch, OpenIf):
            return None
        if not (is_empty(branch.then) and is_empty(branch.otherwise)) or zero_free(types):
            return None
        sides: list[list[Component]] = []
        scratch = Slot()
        outer, fl.code = fl.code, scratch.code
        try:
            for code in (branch.then, branch.otherwise):
                found = [(value, span) for slot, value, span in self._outcomes if slot in code]
                if len(found) != 1:
                    return None
                sides.append(components(fl, found[0][0], shape, found[0][1]))
        finally:
            fl.code = outer
        then, otherwise = sides
        if not is_empty(scratch.code) or None in then or None in otherwise:
            return None
        pairs = [(one, other) for one, other in zip(then, otherwise, strict=True) if one and other]
        if sum(1 for pair in pairs for part in pair for _ in walk(part)) > _LARGEST_SELECT:
            return None
        fl.code.pop()
        return [select(branch.condition, one, other) for one, other in pairs]


def zero_free(types: list[t.Type]) -> bool:
    """Whether one of ``types`` lies in memory."""
    return any(isinstance(type_, t.Struct | t.Array | t.Chars) for type_ in types)


def is_register(type_: t.Type) -> bool:
    """Whether a value of this type fits into a register."""
    return not isinstance(type_, t.Struct | t.Array | t.Chars)


def _undeclare(code: Code, local: n.Local) -> bool:
    """Takes the declaration of ``local`` out of a branch inside ``code``; whether there was one."""
    for item in code:
        blocks = [item.then, item.otherwise] if isinstance(item, OpenIf) else []
        if any(_undeclare_in(block, local) or _undeclare(block, local) for block in blocks):
            return True
    return False


def _undeclare_in(block: Code, local: n.Local) -> bool:
    for index, item in enumerate(block):
        if isinstance(item, n.Let) and item.local == local:
            block[index] = Slot() if item.value is None else n.Assign(n.LocalPlace(local), item.value, item.span)
            return True
    return False


def select(condition: n.Expr, then: n.Expr, otherwise: n.Expr) -> n.Expr:
    """``condition ? then : otherwise``, simplified where it is the condition itself."""
    match then, otherwise:
        case n.Const(1, t.Bool()), n.Const(0, t.Bool()):
            return condition
        case n.Const(0, t.Bool()), n.Const(1, t.Bool()):
            return negate(condition)
        case _ if then == otherwise:
            return then
        case _:
            return n.Select(condition, then, otherwise, then.type)


def _reached(fl: Lowering) -> list[object]:
    """The slots directly in the current block."""
    return [item for item in fl.code if isinstance(item, Slot)]


def pure(fl: Lowering, before: int) -> bool:
    """Whether no statement was added to the current block since it had ``before`` items."""
    return next(statements(fl.code[before:]), None) is None
