# SPDX-License-Identifier: Apache-2.0
"""The context that a handler gets, made from an event's arguments and fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.kernel.context_writes import writable
from honey.simulation import typed
from honey.simulation.memory import SimulationError
from honey.simulation.world import World

ARGS_OFFSET = 16
"""Of ``args`` in ``struct trace_event_raw_sys_enter``: a header of 8 bytes and the number come first."""

PACKET_ADDRESS = 0x10000
"""What ``data`` of a packet's context holds: just a number, packets are reached through `PacketAt`."""

_FROM_LINK_HEADER = ("BPF_PROG_TYPE_SCHED_CLS", "BPF_PROG_TYPE_SCHED_ACT")
"""The kinds of programs on a ``struct __sk_buff`` that see the Ethernet header; others see the network header first."""
_ETH_P_802_3_MIN, _ETH_P_802_2 = b"\x06\x00", b"\x00\x04"
"""From the first of these on, bytes 12 and 13 say what a packet holds (``eth_type_trans``, net/ethernet/eth.c)."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happens: arguments by position, arguments or fields by name, and the packet."""

    args: tuple[int, ...] = ()
    fields: Mapping[str, int | bytes] = field(default_factory=dict)
    packet: bytearray = field(default_factory=bytearray)


def build_context(function: n.Function, event: Event, symbols: Symbols, world: World) -> bytearray:
    """The bytes of the context for ``function``; raises `SimulationError` for names that it does not have."""
    type_ = function.params[0].type
    target = type_.target if isinstance(type_, t.Ref) else t.VOID
    context = bytearray(max(target.size, 8))
    numbers: dict[str, int | bytes] = {
        name: value if _in_place(target, name, symbols) else _number(value, world)
        for name, value in event.fields.items()
    }
    at = ARGS_OFFSET if isinstance(target, t.Struct) else 0
    positional = dict(enumerate(event.args))
    for name in list(numbers):
        index = _argument_index(function, name)
        if index is not None:
            positional[index] = _number(numbers.pop(name), world)
    for index, value in positional.items():
        if at + 8 * index + 8 > len(context):
            raise SimulationError(f"{function.name} has no argument {index}")
        context[at + 8 * index : at + 8 * index + 8] = (value & (1 << 64) - 1).to_bytes(8, "little")
    if isinstance(target, t.Struct):
        if event.packet:
            numbers = {**_of_packet(function, event.packet), **numbers}
        _set_fields(context, target, numbers, symbols, given=set(event.fields))
    elif numbers:
        raise SimulationError(f"{function.name} has no argument {next(iter(numbers))}")
    return context


def context_left(function: n.Function, context: bytearray, symbols: Symbols) -> Mapping[str, Any]:
    """What a handler has left in the fields of a context that programs may write; of other contexts nothing."""
    type_ = function.params[0].type
    target = type_.target if isinstance(type_, t.Ref) else t.VOID
    if not isinstance(target, t.Struct) or function.section is None or not writable(function.section):
        return {}
    definition = symbols.structs.get(target.name)
    fields = [each for each in definition.fields if not each.padding] if definition is not None else []
    return {
        each.name: typed.decode(bytes(context[each.offset : each.offset + each.type.size]), each.type, symbols)
        for each in fields
    }


def packet_resized(function: n.Function, context: bytearray, packet: bytearray, symbols: Symbols) -> None:
    """Say in ``context`` how long the packet has become."""
    type_ = function.params[0].type
    if isinstance(type_, t.Ref) and isinstance(type_.target, t.Struct):
        numbers = _of_packet(function, packet)
        lengths: dict[str, int | bytes] = {name: numbers[name] for name in ("data_end", "len") if name in numbers}
        _set_fields(context, type_.target, lengths, symbols, given=set())


def _of_packet(function: n.Function, packet: bytearray) -> dict[str, int | bytes]:
    """The fields of the context that tell of the packet."""
    section = function.section
    found: dict[str, int | bytes] = {"data": PACKET_ADDRESS, "data_end": PACKET_ADDRESS + len(packet)}
    if section is not None and section.context == "__sk_buff":
        found["len"] = len(packet)
        if section.program_type in _FROM_LINK_HEADER:
            kind = packet[12:14] if packet[12:14] >= _ETH_P_802_3_MIN else _ETH_P_802_2
            found["protocol"] = int.from_bytes(kind, "little")
    return found


def _in_place(target: t.Type, name: str, symbols: Symbols) -> bool:
    """Whether bytes given for a field are its contents, as those of a ``char[16]`` are, and not what it points to."""
    definition = symbols.structs.get(target.name) if isinstance(target, t.Struct) else None
    found = definition.field(name) if definition is not None else None
    return found is not None and isinstance(found.type, t.Chars | t.Array)


def _number(value: int | bytes, world: World) -> int:
    return world.user.place(value) if isinstance(value, bytes) else value


def _argument_index(function: n.Function, name: str) -> int | None:
    """Which argument of the system call has this name."""
    from honey.kernel import syscalls

    target = function.section.target if function.section is not None else ""
    if not target.startswith("syscalls/sys_enter_"):
        return None
    syscall = syscalls.signature(target.removeprefix("syscalls/"))
    argument = syscall.argument(name) if syscall is not None else None
    return argument.index if argument is not None else None


def _set_fields(
    context: bytearray, struct: t.Struct, numbers: dict[str, int | bytes], symbols: Symbols, given: set[str]
) -> None:
    definition = symbols.structs.get(struct.name)
    for name, value in numbers.items():
        field_ = definition.field(name) if definition is not None else None
        if field_ is not None:
            size = field_.type.size
            context[field_.offset : field_.offset + size] = typed.encode(value, field_.type, symbols)
        elif name in given and not _kernel_knows(struct, name):
            raise SimulationError(f"{struct.name} has no field {name}")


def _kernel_knows(struct: t.Struct, name: str) -> bool:
    """Whether the field exists at all: one that the program does not look at makes no difference."""
    from honey.kernel import types

    found = types.struct(struct.name)
    return found is not None and found.field(name) is not None
