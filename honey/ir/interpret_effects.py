# SPDX-License-Identifier: Apache-2.0
"""What effects do when IR is interpreted: `perform` finds the simulated counterpart of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.ir import arithmetic
from honey.ir import nodes as n
from honey.ir import types as t
from honey.simulation import helpers, printk
from honey.simulation.maps import BPF_ANY
from honey.simulation.memory import Pointer, SimulationError, Slot

if TYPE_CHECKING:
    from honey.ir.interpret import Frame, Value

WORD = 0xFFFF_FFFF_FFFF_FFFF


def perform(frame: Frame, effect: n.Effect) -> Value:
    """Do something, and give its result."""
    world = frame.interpreter.world
    match effect:
        case n.MapLookup(name, key):
            failed = world.failure("bpf_map_lookup_elem") is not None
            return None if failed else world.keyed(name).lookup(frame.stored(key), world.cpu)
        case n.MapUpdate(name, key, value, flags):
            failure = world.failure("bpf_map_update_elem")
            data, number = (frame.stored(key), frame.stored(value)), frame.number(flags)
            return failure if failure is not None else world.keyed(name).update(*data, number, world.cpu)
        case n.NewEntry(name, key):
            return _new_entry(frame, name, frame.stored(key))
        case n.MapDelete(name, key):
            failure = world.failure("bpf_map_delete_elem")
            return failure if failure is not None else world.keyed(name).delete(frame.stored(key))
        case n.ProbeRead():
            return _probe_read(frame, effect)
        case n.CoreRead():
            return _core_read(frame, effect)
        case n.RingReserve(name, type_):
            failed = world.failure("bpf_ringbuf_reserve") is not None
            return None if failed else world.ring(name).reserve(type_.target.size)
        case n.RingFinish(record, discard):
            _finish(frame, record, discard=discard)
            return None
        case n.RingOutput(name, value):
            failure = world.failure("bpf_ringbuf_output")
            return failure if failure is not None else world.ring(name).output(frame.stored(value))
        case n.AtomicAdd(place, value):
            before = frame.load(place, place.type)
            assert isinstance(before, int)
            frame.store(place, arithmetic.wrap(before + frame.number(value), place.type))
            return None
        case n.PacketAt(_, offset, type_, length):
            at, packet = frame.number(offset), frame.interpreter.packet
            return Pointer(packet, at) if at >= 0 and at + max(type_.target.size, length) <= len(packet) else None
        case n.HelperCall(name, args, type_):
            result = helpers.call(world, name, [_argument(frame, arg) for arg in args])
            return arithmetic.wrap(result, type_) if isinstance(result, int) and is_number(type_) else result
        case n.Call(name, args):
            return frame.interpreter.call(name, [frame.expr(arg) for arg in args])
        case n.Printk(text, args):
            world.printed.append(printk.format_line(text, [_printed(frame, arg) for arg in args]))
            return None


def _new_entry(frame: Frame, name: str, key: bytes) -> Pointer | None:
    """What is there after all (a look-up was made to fail, as none does in a kernel) is replaced, as by an update."""
    world = frame.interpreter.world
    if world.failure("bpf_map_update_elem") is not None:
        return None
    value = frame.interpreter.symbols.maps[name].value
    assert value is not None
    world.keyed(name).update(key, bytes(value.size), BPF_ANY, world.cpu)
    return world.keyed(name).lookup(key, world.cpu)


def _probe_read(frame: Frame, effect: n.ProbeRead) -> int:
    target, address = frame.place(effect.target), _address(frame, effect.source)
    world, name = frame.interpreter.world, effect.kind.value
    read = world.probe_read_str if name.endswith("_str") else world.probe_read
    result, data = read(name, address, effect.size)
    target.store(data)
    return result


def _address(frame: Frame, expr: n.Expr) -> int:
    value = frame.expr(expr)
    if isinstance(value, Pointer):
        return frame.interpreter.world.kernel.address_of(value)
    return value & WORD if isinstance(value, int) else 0


def _core_read(frame: Frame, effect: n.CoreRead) -> Value:
    groups = frame.interpreter.symbols.read_path(effect.struct, effect.path)
    assert groups is not None
    helper = "bpf_probe_read_user" if effect.user else "bpf_probe_read_kernel"
    address, data = _address(frame, effect.source), b""
    if effect.task:
        task = helpers.call(frame.interpreter.world, "bpf_get_current_task", [])
        address = task if isinstance(task, int) else 0
    for group in groups:
        at = address + sum(one.offset for one in group)
        _, data = frame.interpreter.world.probe_read(helper, at & WORD, group[-1].type.size)
        address = int.from_bytes(data[:8], "little")
    last = groups[-1][-1]
    if last.bit_size:
        return bits(data, last, effect.type)
    return arithmetic.decode(data, effect.type) if is_number(effect.type) else data


def _finish(frame: Frame, record: n.Expr, *, discard: bool) -> None:
    pointer = frame.expr(record)
    assert isinstance(pointer, Pointer)
    assert isinstance(record.type, t.Ref)
    for name, definition in frame.interpreter.symbols.maps.items():
        if definition.kind is n.MapKind.RINGBUF:
            ring = frame.interpreter.world.ring(name)
            if any(one.buffer is pointer.buffer for one in ring.pending):
                ring.finish(pointer, discard=discard)
                return
    raise SimulationError("what is finished is no record")


def _argument(frame: Frame, arg: n.Expr | n.MapName | n.Place) -> int | Pointer | n.MapDef | None:
    if isinstance(arg, n.MapName):
        return frame.interpreter.symbols.maps[arg.map]
    if isinstance(arg, n.Place):
        return frame.place(arg)
    value = frame.expr(arg)
    if isinstance(value, bytes | Slot):
        raise SimulationError("a helper takes numbers and references")
    return value


def _printed(frame: Frame, arg: n.Expr) -> int | bytes:
    value = frame.expr(arg)
    if isinstance(value, Pointer):
        assert isinstance(arg.type, t.Ref)
        return value.load(arg.type.target.size)
    assert not isinstance(value, Slot)
    return value if value is not None else 0


def is_number(type_: t.Type) -> bool:
    """Whether values of the type are Python ints here."""
    return isinstance(type_, (t.Int, t.Bool, t.Address))


def bits(data: bytes, bit_field: t.Field, type_: t.Type) -> int:
    """The value of a bit-field in its storage unit."""
    value = int.from_bytes(data, "little") >> bit_field.bit_offset & ((1 << bit_field.bit_size) - 1)
    if isinstance(type_, t.Int) and type_.signed and value >> (bit_field.bit_size - 1):
        value -= 1 << bit_field.bit_size
    return value


def with_bits(unit: bytes, bit_field: t.Field, data: bytes) -> bytes:
    """A storage unit after a value has been stored into a bit-field of it: as many of its bits as there is room for."""
    mask = ((1 << bit_field.bit_size) - 1) << bit_field.bit_offset
    stored = int.from_bytes(data, "little") << bit_field.bit_offset & mask
    return (int.from_bytes(unit, "little") & ~mask | stored).to_bytes(len(unit), "little")
