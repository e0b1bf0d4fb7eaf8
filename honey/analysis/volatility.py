# SPDX-License-Identifier: Apache-2.0
"""Which expressions read memory that may change, and how a value is fixed before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.code import Slot
from honey.analysis.values import (
    AddressValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    RuntimeAtom,
    TupleValue,
    Value,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import PACKET_MOVING_CALLS
from honey.ir.walk import root_place, walk
from honey.records import replace

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

_WRITABLE = frozenset({"__sk_buff", "bpf_sock", "bpf_sock_addr", "bpf_sock_ops", "bpf_sysctl", "bpf_sockopt"})
"""Contexts with fields that programs may write (``honey.kernel.context_writes``)."""
_SILENT = (n.MapLookup, n.CoreRead, n.PacketAt, n.Printk)


def writes(effect: n.Effect) -> bool:
    """Whether an effect may change memory that an expression evaluated before it reads.

    A read into a local of its own changes nothing that could have been read before.
    """
    if isinstance(effect, _SILENT):
        return False
    if isinstance(effect, n.HelperCall):
        return effect.name in PACKET_MOVING_CALLS or any(
            isinstance(arg, n.AddressOf) or is_place(arg) for arg in effect.args
        )
    return not isinstance(effect, n.ProbeRead)


def changed_by(effect: n.Effect) -> frozenset[t.Space]:
    """The spaces in which an effect that `writes` may change what references lead to."""
    match effect:
        case n.MapUpdate() | n.MapDelete() | n.NewEntry():
            return frozenset({t.Space.MAP})
        case n.RingOutput():
            return frozenset()
        case n.AtomicAdd(place):
            return changed_by_store(place)
        case _:
            return frozenset(t.Space)


def changed_by_store(place: n.Place) -> frozenset[t.Space]:
    """The space that a store into a place changes; locals are in none."""
    root = root_place(place)
    return frozenset({space_of(place)}) if isinstance(root, n.DerefPlace) else frozenset()


def space_of(place: n.Place) -> t.Space:
    """The space that a place is in."""
    root = root_place(place)
    type_ = root.ref.type if isinstance(root, n.DerefPlace) else None
    return type_.space if isinstance(type_, t.Ref) else t.Space.STACK


def is_place(node: object) -> bool:
    """Whether ``node`` is a place."""
    return isinstance(node, n.LocalPlace | n.DerefPlace | n.FieldPlace | n.IndexPlace)


def is_volatile(expr: n.Expr, owned: set[int]) -> bool:
    """Whether ``expr`` reads memory that a later statement may change: behind a reference, or a changed struct."""
    for node in walk(expr):
        match node:
            case n.DerefPlace(ref) if not _is_context(ref):
                return True
            case n.LocalPlace(local) if local.id in owned:
                return True
    return False


def _is_context(ref: n.Expr) -> bool:
    """Whether ``ref`` leads to a context that stays as it is: the kernel's own records, but not a socket buffer."""
    type_ = ref.type
    if not isinstance(type_, t.Ref) or type_.space is not t.Space.CONTEXT:
        return False
    return not (isinstance(type_.target, t.Struct) and type_.target.name in _WRITABLE)


def pin(fl: Lowering, value: Value, slot: Slot) -> Value:
    """``value`` fixed in ``slot``, if what it is read from may have changed since."""
    match value:
        case IntValue() | BoolValue() | AddressValue() | RuntimeAtom() if is_volatile(value.expr, fl.owned):
            outer, fl.code = fl.code, slot.code
            try:
                return pinned(fl, value, "before")
            finally:
                fl.code = outer
        case MemoryValue(place) if not value.is_whole and is_volatile(n.Read(place, place.type), fl.owned):
            local = fl.fresh("before", place.type)
            slot.code.append(n.Let(local, n.Read(place, place.type), None))
            return MemoryValue(n.LocalPlace(local))
        case TupleValue(items) | ListValue(items):
            return type(value)(tuple(pin(fl, item, slot) for item in items))
        case _:
            return value


def pinned(fl: Lowering, value: Value, name: str) -> Value:
    """``value`` in a local of its own."""
    match value:
        case IntValue() | BoolValue() | AddressValue() | RuntimeAtom() if not is_simple(value.expr):
            return replace(value, expr=fl.let(name, value.expr, None))
        case _:
            return value


def is_simple(expr: n.Expr) -> bool:
    """Whether ``expr`` may be written twice without a loss: a constant or a local."""
    return isinstance(expr, n.Const) or (isinstance(expr, n.Read) and isinstance(expr.place, n.LocalPlace))
