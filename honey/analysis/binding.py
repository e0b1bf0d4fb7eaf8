# SPDX-License-Identifier: Apache-2.0
"""``=``: binding names, taking values apart, changing fields in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import access, convert, patterns, volatility
from honey.analysis.code import OpenIf, Slot, negate
from honey.analysis.values import (
    NEVER,
    AddressValue,
    AggregateValue,
    AtomValue,
    BoolValue,
    ContextValue,
    IntValue,
    ListValue,
    MemoryValue,
    NeverValue,
    OptionalValue,
    PlainMapValue,
    RestValue,
    RuntimeAtom,
    Snapshot,
    TupleValue,
    UnionValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.walk import root_place
from honey.records import replace
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def match(fl: Lowering, node: ast.Binary) -> Value:
    """``pattern = value``; gives the value."""
    left = node.left
    if isinstance(left, ast.Var):
        value = fl.value(node.right, "" if left.name == "_" else left.name)
        if isinstance(value, NeverValue):
            return NEVER
        return bind(fl, left.name, value, left.span)
    if isinstance(left, ast.Dot | ast.Index):
        return change(fl, left, node)
    value = fl.settled(fl.value(node.right))
    if isinstance(value, NeverValue):
        return NEVER
    found = patterns.test(fl, left, value)
    _require_match(fl, found, node.span)
    for bound in found.bindings:
        bind(fl, bound.name, bound.value, bound.span)
    return value


def _require_match(fl: Lowering, found: patterns.Match, span: Span) -> None:
    test = found.condition
    raising = fl.throw("MatchError", "", span) if test.constant is not True else None
    if raising is None:
        return
    if test.constant is False:
        fl.report.warn("HNY0606", "this never matches, and always raises MatchError", span)
        fl.code.append(raising)
        return
    fl.code.append(OpenIf(negate(test.expr), [raising], [], span))
    fl.learn(test.when_true)


def bind(fl: Lowering, name: str, value: Value, span: Span) -> Value:
    """Binds ``name`` from here on; gives the value as it is bound."""
    value = fl.settled(value)
    if name == "_":
        return value
    bound = kept(fl, name, value, span)
    fl.scope.bind(name, bound, span)
    return bound


def kept(fl: Lowering, name: str, value: Value, span: Span) -> Value:
    """``value`` fixed, so that nothing done later changes it; what is not yet in a local gets one called ``name``."""
    match value:
        case RuntimeAtom(expr):
            return value if volatility.is_simple(expr) else replace(value, expr=fl.let(name, expr, span))
        case IntValue() | BoolValue() | AddressValue():
            if volatility.is_simple(value.expr):
                return value
            return type(value)(fl.let(name, value.expr, span))
        case AggregateValue(expr):
            return _own(fl, name, expr, span)
        case MemoryValue(place, False):
            root = root_place(place)
            outside = isinstance(root, n.DerefPlace) and place is not root
            if name in fl.changed_names or _is_owned(fl, root) or outside:
                return _own(fl, name, n.Read(place, place.type), span)
            return value
        case OptionalValue(present=MemoryValue(place, False)) if name in fl.changed_names or _is_owned(
            fl, root_place(place)
        ):
            return _own_or_nil(fl, name, value, place, span)
        case MemoryValue(place) if not value.is_whole and value.snapshot is None and name not in fl.changed_names:
            # A part of what a reference leads to: what is written there later does not change the value.
            slot = Slot()
            fl.code.append(slot)
            return replace(value, snapshot=Snapshot(name, slot, fl.changes(volatility.space_of(place))))
        case RestValue(text, start):
            from honey.library.text import behind

            return behind(fl, name, text, start, span)
        case TupleValue(items) | ListValue(items):
            return type(value)(tuple(kept(fl, "", fl.settled(item), span) for item in items))
        case PlainMapValue(fields):
            return PlainMapValue(tuple((key, kept(fl, "", fl.settled(item), span)) for key, item in fields))
        case _:
            return value


def _is_owned(fl: Lowering, root: n.Place) -> bool:
    """Whether a place is a variable that is changed in place."""
    return isinstance(root, n.LocalPlace) and root.local.id in fl.owned


def _own_or_nil(fl: Lowering, name: str, value: OptionalValue, place: n.Place, span: Span) -> Value:
    """A copy of what may be nil, which is made where it is there."""
    is_nil = value.is_nil if volatility.is_simple(value.is_nil) else fl.let("", value.is_nil, span)
    local = fl.declare(name, place.type, span)
    copy = n.Assign(n.LocalPlace(local), n.Read(place, place.type), span)
    fl.code.append(OpenIf(is_nil, [], [copy], span))
    if name in fl.changed_names:
        fl.owned.add(local.id)
    return OptionalValue(is_nil, MemoryValue(n.LocalPlace(local)), None, value.what, value.certain)


def _own(fl: Lowering, name: str, expr: n.Expr, span: Span) -> Value:
    local = fl.fresh(name, expr.type)
    fl.code.append(n.Let(local, expr, span))
    if name in fl.changed_names:
        fl.owned.add(local.id)
    return MemoryValue(n.LocalPlace(local))


# ---------------------------------------------------------------- in place


def change(fl: Lowering, left: ast.Dot | ast.Index, node: ast.Binary) -> Value:
    """``key.port = p``, ``key.list[0] = x``: changes the variable, map value or record in place."""
    value = fl.value(node.right)
    slot, epoch = Slot(), fl.epoch
    fl.code.append(slot)
    target = _place(fl, left)
    if epoch != fl.epoch:
        value = volatility.pin(fl, value, slot)
    if in_context(target):
        from honey.analysis import context_writes

        expr = context_writes.stored(fl, value, target, node, _what(left))
    else:
        expr = convert.store(fl, value, target.type, node.right.span, _what(left))
    fl.assign(target, expr, node.span)
    root = root_place(target)
    while isinstance(root, n.LocalPlace) and (original := fl.copied.get(root.local.id)) is not None:
        fl.assign(original, n.Read(root, root.type), node.span)
        root = root_place(original)
    return value


def _what(left: ast.Dot | ast.Index) -> str:
    return f"the field {left.name}" if isinstance(left, ast.Dot) else "the element"


def _place(fl: Lowering, node: ast.Node) -> n.Place:
    match node:
        case ast.Dot():
            target = _target(fl, node.target)
            if isinstance(target, ContextValue):
                from honey.analysis import context_writes

                return context_writes.place(fl, target, node)
            return access.field_place(fl, target, node)
        case ast.Index():
            key = fl.required(fl.value(node.key), node.key.span)
            target = _target(fl, node.target)
            if not isinstance(key, IntValue) or not isinstance(target, MemoryValue):
                raise fl.mistake("HNY0208", f"{describe(target)} has no elements", node.span)
            if key.constant is None and in_context(target.place):
                raise fl.mistake("HNY0607", "an element of the context is changed by a constant index", node.key.span)
            return access.element_place(fl, target, key, node)
    raise fl.mistake("HNY0107", "this cannot be assigned to", node.span)


def _target(fl: Lowering, node: ast.Node) -> MemoryValue | ContextValue:
    if isinstance(node, ast.Var):
        value = fl.required(fl.value(node), node.span, "KeyError")
        if isinstance(value, ContextValue):
            return value
        if isinstance(value, MemoryValue):
            _require_writable(fl, value, node)
            return value
        raise _cannot_change(fl, value, node)
    if isinstance(node, ast.Dot | ast.Index):
        place = _place(fl, node)
        return MemoryValue(place)
    value = fl.required(fl.value(node), node.span, "KeyError")
    if isinstance(value, MemoryValue) and value.reference:
        return value
    raise fl.mistake("HNY0607", "only a variable, a map value or a record can be changed in place", node.span)


def _require_writable(fl: Lowering, value: MemoryValue, node: ast.Var) -> None:
    root = root_place(value.place)
    borrowed = isinstance(root, n.DerefPlace) and isinstance(root.ref.type, t.Ref) and root.ref.type.readonly
    if borrowed or (isinstance(root, n.LocalPlace) and root.local.id not in fl.owned):
        help = "what a function that is passed on sees are copies: let it give the new value" if borrowed else None
        raise fl.mistake("HNY0607", f"{node.name} cannot be changed here", node.span, help=help)


def _cannot_change(fl: Lowering, value: Value, node: ast.Var) -> Exception:
    if isinstance(value, PlainMapValue | UnionValue):
        return fl.mistake(
            "HNY0607", f"{describe(value)} cannot be changed in place", node.span, help="use a struct: `defstruct`"
        )
    help = None
    if isinstance(value, AtomValue) and value.name in fl.unit.module.maps:
        help = f"an entry is written with `bpf_map_update_elem(:{value.name}, key, value)`"
    return fl.mistake("HNY0208", f"{describe(value)} has no fields or elements", node.span, help=help)
