# SPDX-License-Identifier: Apache-2.0
"""Fields and elements: ``target.name``, ``target[key]``, and the places that they are."""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from honey.analysis import constants, context, convert
from honey.analysis.code import OpenIf, assigns
from honey.analysis.errors import shown, suggestion
from honey.analysis.lowering import Lowering, read
from honey.analysis.values import (
    NIL,
    AddressValue,
    AggregateValue,
    AtomValue,
    BoolValue,
    ContextValue,
    IntValue,
    ListValue,
    MemoryValue,
    NilValue,
    OptionalValue,
    PlainMapValue,
    TupleValue,
    UnionValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import root_place
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    pass


_LOOK_BACK = 64
"""How many statements are searched for an earlier test."""
_MORE_FIELDS = re.compile(rb"(?:\.\w+)*")
"""What follows a field that something is asked of."""
BARRIER = "barrier_var"
"""libbpf's macro that hides from clang what it knows of a variable."""


def dot(fl: Lowering, node: ast.Dot, name: str) -> Value:
    """``target.name``."""
    if isinstance(node.target, ast.Alias):
        from honey.analysis import calls

        return calls.call(fl, ast.Call(node.span, node.target, node.name, node.name_span, (), None), name)
    target = fl.settled(fl.value(node.target))
    if not isinstance(target, UnionValue):
        return _field_of(fl, target, node, name)
    from honey.analysis.alternatives import of_each

    return of_each(fl, target, lambda one: _field_of(fl, one, node, name), node.span, name)


def _field_of(fl: Lowering, target: Value, node: ast.Dot, name: str) -> Value:
    target = fl.required(target, node.target.span, "KeyError")
    if isinstance(target, ContextValue):
        return context.field(fl, target, node, name)
    if isinstance(target, PlainMapValue):
        value = target.get(node.name)
        if value is None:
            known = [key for key, _ in target.fields]
            help = suggestion(node.name, known) or (f"its keys are {', '.join(known)}" if known else None)
            raise fl.mistake("HNY0202", f"the map has no key {node.name}", node.name_span, help=help)
        return fl.settled(value)
    if isinstance(target, AddressValue):
        raise _unread(fl, target, node)
    return read_place(field_place(fl, target, node), reference=isinstance(target, MemoryValue) and target.reference)


def _unread(fl: Lowering, target: AddressValue, node: ast.Dot) -> Exception:
    struct = target.type.target
    name = f":{struct.name}" if isinstance(struct, t.Struct) else ":type"
    call = "core_read" if target.type.space is t.Space.KERNEL else "probe_read_user"
    behind = _MORE_FIELDS.match(fl.report.source.data, node.span.end)
    fields = [node.name, *(behind[0].decode().split(".")[1:] if behind is not None else ())]
    path = f"{name}, [{', '.join(f':{field}' for field in fields)}]" if call == "core_read" else name
    return fl.mistake(
        "HNY0208",
        "this is an address: what lies there must be read first",
        node.span,
        help=f"write `{call}({shown(fl.report, node.target.span, 'pointer')}, {path})`",
    )


def field_place(fl: Lowering, target: Value, node: ast.Dot) -> n.Place:
    """The place of a field of a struct."""
    if not isinstance(target, MemoryValue | AggregateValue) or not isinstance(target.type, t.Struct):
        packet = isinstance(target, IntValue) and fl.section is not None and fl.section.kind.startswith(("xdp", "tc"))
        help = "what lies in a packet is reached with `Honey.Packet.at(ctx, 0, :ethhdr)`" if packet else None
        raise fl.mistake("HNY0208", f"{describe(target)} has no fields", node.span, help=help)
    field = fl.unit.module.types.field(target.type, node.name, node.name_span)
    return n.FieldPlace(place_of(fl, target, node.span), field.name, field.type)


def place_of(fl: Lowering, value: MemoryValue | AggregateValue, span: Span) -> n.Place:
    """Where a struct or array lies; one that lies nowhere yet is put into a local."""
    if isinstance(value, MemoryValue):
        return value.place
    local = fl.fresh("", value.type)
    fl.code.append(n.Let(local, value.expr, span))
    return n.LocalPlace(local)


def read_place(place: n.Place, *, reference: bool) -> Value:
    """The value in a place."""
    match place.type:
        case t.Int():
            return IntValue(n.Read(place, place.type))
        case t.Bool():
            return BoolValue(n.Read(place, place.type))
        case t.Address():
            return AddressValue(n.Read(place, place.type))
        case _:
            return MemoryValue(place, reference)


def index(fl: Lowering, node: ast.Index, name: str) -> Value:
    """``target[key]``."""
    if isinstance(node.target, ast.Dot) and context.is_arguments(fl, node.target):
        return context.argument(fl, node, name)
    target, key = (fl.settled(value) for value in fl.operands((node.target, node.key)))
    key = fl.required(key, node.span)
    if isinstance(key, AtomValue):
        return _of_key(fl, target, key.name, node, name)
    return _element_of(fl, fl.required(target, node.span), key, node)


def _of_key(fl: Lowering, target: Value, key: str, node: ast.Index, name: str) -> Value:
    """``target[:key]``, which of nil is nil."""
    if isinstance(target, NilValue):
        return NIL
    if not isinstance(target, OptionalValue) or not isinstance(target.present, ListValue | PlainMapValue):
        return _element_of(fl, fl.required(target, node.span), AtomValue(key), node)
    from honey.analysis import conditions
    from honey.analysis.storage import Join

    sink = Join(fl, name, node.span)
    conditions.branch_on(
        fl,
        conditions.is_nil(fl, target, node.span),
        lambda: sink.take_value(fl, NIL, node.span),
        lambda: sink.take_value(fl, _element_of(fl, fl.settled(target), AtomValue(key), node), node.span),
        node.span,
    )
    return sink.result(fl)


def _element_of(fl: Lowering, target: Value, key: Value, node: ast.Index) -> Value:
    match target, key:
        case ListValue(items), AtomValue(wanted):
            found = (i.items[1] for i in items if isinstance(i, TupleValue) and i.items[:1] == (AtomValue(wanted),))
            return next(found, constants.atom("nil"))
        case PlainMapValue(), AtomValue(wanted):
            value = target.get(wanted)
            return value if value is not None else constants.atom("nil")
        case ((MemoryValue() | AggregateValue()), IntValue()) if isinstance(target.type, t.Array | t.Chars):
            place = element_place(fl, target, key, node)
            return read_place(place, reference=isinstance(target, MemoryValue) and target.reference)
        case _:
            what = f"{describe(target)} has no elements to take by {describe(key)}"
            raise fl.mistake("HNY0208", what, node.span, help=_elsewhere(fl, target, node))


def _elsewhere(fl: Lowering, target: Value, node: ast.Index) -> str | None:
    """How elements of other things than arrays are got at."""
    whole, key = shown(fl.report, node.target.span, "x"), shown(fl.report, node.key.span, "i")
    match target:
        case AtomValue(name) if name in fl.unit.module.maps:
            return f"write `bpf_map_lookup_elem({whole}, {key})`"
        case IntValue():
            return "take its bits by `x >>> 8 &&& 0xFF`; 1, 2, 4 or 8 bytes are read as `{:array, :u8, 4}`"
        case ListValue():
            return f"write `Enum.at({whole}, {key})`"
        case ContextValue():
            return f"write `{whole}.args[{key}]`, or the name of a field"
        case AddressValue():
            space = "user" if target.type.space is t.Space.USER else "kernel"
            return f"read what lies there first: `bytes = probe_read_{space}({whole}, 16)`, or a struct"
        case _:
            return None


def element_place(fl: Lowering, target: MemoryValue | AggregateValue, key: IntValue, node: ast.Index) -> n.Place:
    """The place of an array's element; an index that is only known later is tested, and raises outside the array."""
    array = target.type
    assert isinstance(array, t.Array | t.Chars)
    place = place_of(fl, target, node.span)
    element = array.element if isinstance(array, t.Array) else t.U8
    constant = key.constant
    if constant is not None:
        if not 0 <= constant < array.length:
            raise fl.mistake("HNY0211", f"the index {constant} is outside an array of {array.length}", node.key.span)
        return n.IndexPlace(place, n.Const(constant, t.U64), element)
    number = convert.to_wide(key, signed=False)
    place = _out_of_packet(fl, place, node.span)
    if _within(fl, key, array.length):
        return n.IndexPlace(place, number, element)
    tested = _tested(fl, number, array.length)
    if tested is not None:
        return n.IndexPlace(place, tested, element)
    number = fl.let("index", number, node.key.span)
    # The verifier must see the test, although clang may know that it always turns out well.
    fl.code.append(n.Eval(n.HelperCall(BARRIER, (number.place,), t.VOID), node.key.span))
    outside = n.Binary(n.BinaryOp.GE, number, n.Const(array.length, t.U64), t.BOOL)
    fl.code.append(OpenIf(outside, [fl.throw("ArgumentError", "index outside the array", node.span)], [], node.span))
    return n.IndexPlace(place, number, element)


def _tested(fl: Lowering, number: n.Expr, length: int) -> n.Read | None:
    """The index that holds ``number``, a local's value, where it was found within ``length`` on the way here."""
    source = number
    while isinstance(source, n.Cast):
        source = source.operand
    if not isinstance(source, n.Read) or not isinstance(source.place, n.LocalPlace):
        return None
    inside: set[n.Local] = set()
    for item in islice(chain.from_iterable(map(reversed, (fl.code, *reversed(fl.around)))), _LOOK_BACK):
        match item:
            case OpenIf(n.Binary(n.BinaryOp.GE, n.Read(n.LocalPlace(index)), n.Const(bound)), [n.Raise()], []):
                if bound <= length:
                    inside.add(index)
            case n.Let(local, value) if value == number and local in inside:
                return read(local)
            case n.Let() | n.Eval():
                pass
            case _ if assigns([item], source.place.local):
                return None
    return None


def _out_of_packet(fl: Lowering, place: n.Place, span: Span) -> n.Place:
    """A copy of an array in a packet: the verifier forgets how far the packet goes once a number is added."""
    root = root_place(place)
    if not isinstance(root, n.DerefPlace) or not isinstance(root.ref.type, t.Ref):
        return place
    if root.ref.type.space is not t.Space.PACKET:
        return place
    local = fl.fresh("bytes", place.type)
    fl.code.append(n.Let(local, n.Read(place, place.type), span))
    fl.copied[local.id] = place
    return n.LocalPlace(local)


def _within(fl: Lowering, key: IntValue, length: int) -> bool:
    """Whether an index is the variable of a loop that stays inside the array."""
    if not isinstance(key.expr, n.Read) or not isinstance(key.expr.place, n.LocalPlace):
        return False
    numbers = fl.ranges.get(key.expr.place.local.id)
    return numbers is not None and min(numbers) >= 0 and max(numbers) < length
