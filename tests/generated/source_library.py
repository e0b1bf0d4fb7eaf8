# SPDX-License-Identifier: Apache-2.0
"""Library calls for `source_evaluator`: maps, records, packets, byte order, integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from source_memory import SIZES, WORD, Network, Number, View
from source_operators import calculated
from source_values import NEVER, UNKNOWN, Scope, Symbol, Unspecified, Value, met, truthy, without_bits

from honey.syntax import ast

if TYPE_CHECKING:
    from source_evaluator import Machine

_SWAPS = {"s": 16, "l": 32, "ll": 64}


def library(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    """The value of a call."""
    if node.name in ("sizeof", "offsetof"):
        return _measured(machine, node)
    args = [machine.value(arg, scope) for arg in node.args]
    name = node.name.removeprefix("bpf_")
    match name:
        case "bxor" | "div" | "rem" | "max" | "min":
            return calculated(machine, name, *args)
        case "abs":
            return _absolute(machine, args[0])
        case "is_nil":
            return UNKNOWN if machine.quiet else args[0] is None
        case "sum":
            total: Value = Number(0, True, literal=True)
            for each in args[0]:
                total = calculated(machine, "+", total, each)
            return total
        case "htons" | "htonl" | "htonll":
            number, width = machine.present(args[0]), _SWAPS[name[4:]]
            return Network(None if machine.quiet or number is NEVER else number.bits % 2**width, width)
        case "ntohs" | "ntohl" | "ntohll":
            network = machine.present(args[0])
            return Number(None if machine.quiet or network is NEVER else network.bits, False)
        case "at":
            return _packet(machine, args[1], args[2])
        case "ringbuf_reserve":
            type_ = f"struct:{args[1].name}"
            return View(type_, "record", bytearray(machine.layouts.size(type_)))
        case "ringbuf_submit" | "ringbuf_output" | "ringbuf_discard":
            return _record(machine, name, args)
        case _:
            return _on_map(machine, name, args)


def _measured(machine: Machine, node: ast.Call) -> Number:
    layout = machine.layouts.known[node.args[0].name]  # type: ignore[attr-defined]  # an atom
    found = layout.size if node.name == "sizeof" else layout.fields[node.args[1].name][1]  # type: ignore[attr-defined]  # an atom
    return Number(found, True, literal=True)


def _absolute(machine: Machine, value: Value) -> Value:
    number = machine.present(value)
    if machine.quiet or number is NEVER:
        return without_bits(number)
    if number.loose and number.value < 0:
        raise Unspecified
    return Number(abs(number.value) % WORD, number.signed, number.literal, number.loose)


def _packet(machine: Machine, offset: Value, type_: Symbol) -> Value:
    kind = type_.name if type_.name in SIZES else f"struct:{type_.name}"
    view = View(kind, "packet", machine.packet, 0)
    if machine.quiet:
        return machine.loaded(view, kind)
    at = machine.present(offset).bits
    if at + machine.layouts.size(kind) > len(machine.packet):
        return None
    return machine.loaded(view, kind, at)


def _record(machine: Machine, name: str, args: list[Value]) -> Value:
    if machine.quiet:
        return Number(None, True)
    view = args[-1]
    if name != "ringbuf_discard":
        size = machine.layouts.size(view.type)
        ring = machine.rings[args[0].name] if name == "ringbuf_output" else next(iter(machine.rings.values()))
        ring.append(bytes(view.memory[view.offset : view.offset + size]))
    return Number(0, True)


def _on_map(machine: Machine, name: str, args: list[Value]) -> Value:
    store = machine.maps[args[0].name]
    if machine.quiet:
        found = machine.loaded(View(store.value, "map", bytearray(store.size)), store.value)
        if name == "update" and len(args) == 4:
            machine.apply(args[3], [found])
        if name == "map_lookup_elem":
            return met(found, args[2]) if len(args) > 2 else found
        return Number(None, True)
    key = machine.stored(args[1], store.key)
    entry = store.entries.get(key)
    view: View | None = None if entry is None else View(store.value, "map", entry)
    match name:
        case "map_lookup_elem":
            default = args[2] if len(args) > 2 else None
            zero = machine.loaded(View(store.value, "map", bytearray(store.size)), store.value)
            return met(default, zero) if view is None else met(machine.loaded(view, store.value), default)
        case "map_update_elem":
            flag = args[3].name.upper() if len(args) > 3 else "BPF_ANY"
            return Number(store.update(key, machine.stored(args[2], store.value), flag) % WORD, True)
        case "map_delete_elem":
            return Number(store.delete(key) % WORD, True)
        case "add":
            return (
                _add(machine, store.value, view, args[2])
                if view
                else store.update(key, _stored(machine, args), "BPF_ANY")
            )
        case "update":
            if entry is None or view is None:
                return store.update(key, _stored(machine, args), "BPF_ANY")
            new = machine.apply(args[3], [machine.loaded(view, store.value)])
            entry[:] = machine.stored(new, store.value)
            return None
        case _:
            raise NotImplementedError(name)


def _stored(machine: Machine, args: list[Value]) -> bytes:
    return bytes(machine.stored(args[2], machine.maps[args[0].name].value))


def _add(machine: Machine, type_: str, view: View, amount: Value) -> None:
    if type_ in SIZES:
        machine.store(view, type_, 0, calculated(machine, "+", machine.loaded(view, type_), amount))
        return
    for field_, at in machine.layouts.known[type_[7:]].fields.values():
        more = machine.loaded(machine.present(amount), field_, at)
        if isinstance(more, Number) and truthy(more):
            now = machine.loaded(view, field_, at)
            machine.store(view, field_, at, calculated(machine, "+", now, more))
