# SPDX-License-Identifier: Apache-2.0
"""Calls of helpers and of the program's own functions as Python statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from harness.objects.insn import PSEUDO_KFUNC_CALL, Insn
from harness.sim import alu
from harness.sim.cfg import TAIL_CALL
from harness.sim.helper_table import Helper
from harness.sim.lower_memory import note_write
from harness.sim.memory import M32
from harness.sim.state import TOP, State
from harness.sim.unit import place_in

if TYPE_CHECKING:
    from harness.sim.lower import Lowering

#: So many different callers are told apart before what they hand over becomes "anything".
_WIDEN_AFTER: Final = 8


def lower_call(low: Lowering, insn: Insn) -> None:
    """A helper: directly on the map or value where those are known, else through its function."""
    if insn.src == PSEUDO_KFUNC_CALL:
        low.fail("a kernel function is called, and those are not simulated")
        _after(low, "0")
        return
    helper = low.unit.helpers.get(insn.imm)
    if helper is None:
        low.fail(f"helper {insn.imm} is not simulated")
        _after(low, "0")
        return
    if insn.imm == TAIL_CALL:
        context, table, index = (low.operand(register).text for register in (1, 2, 3))
        low.step.lines.append(f"tail = tail_call({context}, {table}, {index})")
        _after(low, hex(alu.constant(-1).low))
        return
    special = _SPECIAL.get(helper.name)
    text = special(low) if special else None
    if text is None:
        _note_context(low, helper)
        arguments = [low.operand(register).text for register in range(1, helper.arity + 1)]
        text = f"{_name(low, helper)}({', '.join(arguments)})"
    if helper.writes:
        _note_output(low, helper.writes)
    if helper.calls_back:
        low.state.slots.clear()
    _after(low, text, helper.returns, pure=helper.name in _WITHOUT_EFFECT)


def _note_context(low: Lowering, helper: Helper) -> None:
    """A helper that is given an address in the context, other than as the context, may read it."""
    for register in range(2 if helper.takes_context else 1, helper.arity + 1):
        if low.unit.region_of(*low.state.registers[register]) is low.unit.context:
            low.unit.reads_context = True


def _name(low: Lowering, helper: Helper) -> str:
    low.unit.called.add(helper.number)
    return helper.name


def _note_output(low: Lowering, writes: tuple[int, int]) -> None:
    pointer, size = (low.state.registers[register] for register in writes)
    note_write(low, pointer, min(size[1], M32))


def _after(low: Lowering, text: str, known: tuple[int, int] = TOP, *, pure: bool = False) -> None:
    """r0 has the result; r1 to r5 hold nothing any more."""
    low.state.registers[1:6] = [TOP] * 5
    if low.cached is not None:
        low.cached.clear()
    low.assign(0, text, known, pure=pure)


def lower_local_call(low: Lowering, target: int) -> None:
    """A function of the same program: it takes the registers that it reads, and gives r0."""
    unit = low.unit
    known = State()
    known.registers[1:6] = low.state.registers[1:6]
    merge_entry(low, target, known)
    frame = low.frame
    for register in range(1, 6):
        first, last = low.state.registers[register]
        if last >= frame.base and first < frame.base + frame.size:
            # It may write to what it was given a pointer to, or to what that points to.
            low.state.slots.clear()
    arguments = [low.operand(register).text for register in sorted(unit.inputs.get(target, ()))]
    _after(low, f"function_{target}({', '.join(arguments)})")


def merge_entry(low: Lowering, target: int, known: State) -> None:
    """Function ``target`` is called with these registers."""
    entry = low.unit.entries.get(target)
    if entry is None:
        low.unit.entries[target] = known
        low.unit.changed.add(target)
        return
    if entry.join(known, widen=low.unit.joins.get(target, 0) > _WIDEN_AFTER):
        low.unit.joins[target] = low.unit.joins.get(target, 0) + 1
        low.unit.changed.add(target)


def lower_packet_load(low: Lowering, insn: Insn) -> None:
    """``LD_ABS`` and ``LD_IND``: a number in network order from the packet, -1 where it is too short."""
    size = {0x00: 4, 0x08: 2, 0x10: 1}.get(insn.code & 0x18)
    if size is None:
        low.fail(f"unknown instruction {insn.code:#x}")
        return
    offset = str(insn.imm)
    if insn.code >> 5 == 2:
        offset = f"({low.operand(insn.src).text} + {insn.imm})"
    low.step.lines.append(f"loaded = packet_load({offset}, {size})")
    _after(low, "loaded", (0, (1 << 8 * size) - 1), pure=True)


def _bytes(low: Lowering, register: int, size: int) -> str:
    """The ``size`` bytes that a register points to, as text for an object of bytes."""
    pointer = low.operand(register)
    region = low.unit.region_of(pointer.low, pointer.high)
    if region and region.views and pointer.constant and place_in(region, pointer, 0, size, "") is not None:
        at = pointer.low & M32
        return f"bytes({region.name}[{at}:{at + size}])"
    return f"mem_read({pointer.text}, {size})"


def _lookup(low: Lowering) -> str | None:
    a_map = low.unit.maps.get(low.operand(1).low) if low.operand(1).constant else None
    if a_map is None:
        return None
    key = low.operand(2)
    region = low.unit.region_of(key.low, key.high)
    if a_map.by_number and region and region.views and key.constant:
        place = place_in(region, key, 0, 4, "I")
        if place is not None:
            return f"{low.unit.expose('at', a_map.at)}({place.load('I')})"
    if a_map.direct is not None:
        return f"{low.unit.expose('get', a_map.direct.get)}({_bytes(low, 2, a_map.key_size)}, 0)"
    return f"{low.unit.expose('find', a_map.find)}({_bytes(low, 2, a_map.key_size)})"


def _update(low: Lowering) -> str | None:
    a_map = low.unit.maps.get(low.operand(1).low) if low.operand(1).constant else None
    if a_map is None or a_map.update is None:
        return None
    key, value = _bytes(low, 2, a_map.key_size), _bytes(low, 3, a_map.value_size)
    return f"{low.unit.expose('update', a_map.update)}({key}, {value}, {low.operand(4).text})"


def _delete(low: Lowering) -> str | None:
    a_map = low.unit.maps.get(low.operand(1).low) if low.operand(1).constant else None
    if a_map is None:
        return None
    return f"{low.unit.expose('delete', a_map.delete)}({_bytes(low, 2, a_map.key_size)})"


def _attribute(name: str) -> Callable[[Lowering], str]:
    return lambda _: f"task.{name}"


_SPECIAL: Final[dict[str, Callable[[Lowering], str | None]]] = {
    "bpf_map_lookup_elem": _lookup,
    "bpf_map_update_elem": _update,
    "bpf_map_delete_elem": _delete,
    "bpf_ktime_get_ns": _attribute("now"),
    "bpf_get_current_pid_tgid": _attribute("pid_tgid"),
    "bpf_get_current_uid_gid": _attribute("uid_gid"),
    "bpf_get_smp_processor_id": _attribute("cpu"),
}
_WITHOUT_EFFECT: Final = frozenset(name for name in _SPECIAL if name.startswith(("bpf_ktime", "bpf_get")))
