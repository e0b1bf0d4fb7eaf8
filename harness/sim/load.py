# SPDX-License-Identifier: Apache-2.0
"""Making a program of an object runnable on a machine: relocation, addresses, translation."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.objects import types as t
from harness.objects.btf import DATASEC, Btf
from harness.objects.elf import BpfObject, Program
from harness.objects.insn import LD_IMM64, PSEUDO_FUNC
from harness.objects.link import Linked, link
from harness.objects.uapi import HELPER_NAMES
from harness.sim.cfg import TAIL_CALL
from harness.sim.context import ContextBuilder
from harness.sim.faults import SimulationError
from harness.sim.helper_table import Helper, bind
from harness.sim.helpers import HELPERS
from harness.sim.maps import DataMap
from harness.sim.packet import SKB_FIELDS, XDP_FIELDS
from harness.sim.profile import Profile
from harness.sim.relocate import relocate
from harness.sim.translate import Translated, base_namespace, translate
from harness.sim.unit import FRAME_SIZE, PacketFields, Region, Unit

if TYPE_CHECKING:
    from harness.sim.machine import Machine

#: Program kinds (first part of the section name) whose context is a packet's.
PACKET_KINDS: Final[dict[str, PacketFields]] = {
    "xdp": XDP_FIELDS,
    "xdp.frags": XDP_FIELDS,
    "tc": SKB_FIELDS,
    "tcx": SKB_FIELDS,
    "classifier": SKB_FIELDS,
    "action": SKB_FIELDS,
    "socket": SKB_FIELDS,
    "cgroup_skb": SKB_FIELDS,
    "lwt_in": SKB_FIELDS,
    "lwt_out": SKB_FIELDS,
    "lwt_xmit": SKB_FIELDS,
}
#: Program kinds that may follow kernel pointers with plain loads.
TYPED_KINDS: Final = frozenset(("tp_btf", "fentry", "fexit", "fmod_ret", "lsm", "iter"))
#: Codes of the views; their byte order is the host's, little-endian on all that Python runs on today.
_VIEWS: Final[tuple[Literal["B", "H", "I", "Q", "b", "h", "i"], ...]] = ("B", "H", "I", "Q", "b", "h", "i")
_TAIL_CALL_STUB: Final = Helper("bpf_tail_call", lambda *_: 0, 3)


@dataclass(slots=True)
class Loaded:
    """A program on a machine: ``main`` runs it on the context that was put in place.

    ``context`` builds that from events; None where the program does not look at it.
    """

    name: str
    program: Program
    linked: Linked
    translated: Translated
    profile: Profile
    main: Callable[[], int]
    context: ContextBuilder | None
    fields: PacketFields | None


def load_program(machine: Machine, obj: BpfObject, program: Program, target: Btf, round_limit: int) -> Loaded:
    """Translate ``program``. Raises :class:`SimulationError` or ``ObjectError`` where that cannot be done."""
    linked, broken = relocate(link(obj, program.name), obj.btf, target)
    fields = PACKET_KINDS.get(program.kind)
    names: dict[str, Any] = {}
    unit = Unit(
        linked=linked,
        values={},
        broken=broken,
        helpers={**HELPERS, TAIL_CALL: _TAIL_CALL_STUB},
        regions={},
        maps={a_map.address: a_map for a_map in machine.maps.values()},
        functions={},
        frames={},
        context=_context(machine, names, fields),
        fields=fields,
        packet_range=machine.packet.address_range,
        slow_access=fields is not None or program.kind in TYPED_KINDS,
    )
    _place(machine, obj, unit, names)
    filename = f"<translation of {program.name} in {obj.path or 'an object'}>"
    translated = translate(unit, unit.context.base, filename)
    profile = Profile(linked, translated)
    namespace = base_namespace() | names | unit.names | _services(machine, profile, round_limit)
    for number in unit.called:
        namespace[HELPER_NAMES[number]] = bind(HELPERS[number], machine.runtime)
    functions = translated.compile(namespace)
    for address, start in unit.functions.items():
        machine.runtime.functions[address] = _callback(functions[start], translated.inputs[start])
    return Loaded(
        program.name,
        program,
        linked,
        translated,
        profile,
        functions[0],
        ContextBuilder(obj, program, target) if unit.reads_context else None,
        fields,
    )


def _context(machine: Machine, names: dict[str, Any], fields: PacketFields | None) -> Region:
    if fields is None:
        return _expose(names, "context", machine.context_address, machine.context)
    names["context"] = machine.packet.context
    return Region("context", machine.packet.context_address, fields.size, views=False, rewritten=True)


def _expose(names: dict[str, Any], name: str, base: int, content: bytearray) -> Region:
    """Make a region of fixed size known to the generated code, with its views as numbers."""
    names[name] = content
    for code in _VIEWS:
        size = struct.calcsize(code)
        names[name + code] = memoryview(content)[: len(content) // size * size].cast(code)
    return Region(name, base, len(content))


def _place(machine: Machine, obj: BpfObject, unit: Unit, names: dict[str, Any]) -> None:
    """Give frames, data sections and whatever 64-bit loads refer to their addresses."""
    regions = [unit.context, Region("packet", machine.packet.base, 1 << 32, views=False)]
    names["packet"] = machine.packet.buffer
    for start, _ in unit.linked.functions:
        frame = bytearray(FRAME_SIZE)
        unit.frames[start] = _expose(names, f"frame{start}_", machine.memory.place(frame), frame)
        regions.append(unit.frames[start])
    for index, a_map in enumerate(machine.maps.values()):
        if isinstance(a_map, DataMap):
            regions.append(_expose(names, f"data{index}_", a_map.content_address, a_map.content))
    externs: dict[str, Region] = {}
    for slot, reference in unit.linked.references.items():
        if reference.kind == "extern":
            _extern(machine, obj, unit, names, slot=slot, name=reference.name, known=externs)
            continue
        target = machine.maps[reference.name]
        if reference.kind == "map":
            unit.values[slot] = target.address
        elif isinstance(target, DataMap):
            unit.values[slot] = target.content_address + reference.offset
    for slot, insn in enumerate(unit.linked.insns):
        if insn.code == LD_IMM64 and insn.src == PSEUDO_FUNC:
            address = machine.memory.place(None)
            unit.values[slot] = address
            unit.functions[address] = slot + 1 + insn.imm
    unit.regions = {region.base >> 32: region for region in [*regions, *externs.values()]}


def _extern(
    machine: Machine,
    obj: BpfObject,
    unit: Unit,
    names: dict[str, Any],
    *,
    slot: int,
    name: str,
    known: dict[str, Region],
) -> None:
    """``extern`` configuration values are eight bytes in a region of their own; other symbols cannot be had."""
    section_id = obj.btf.find(".kconfig", DATASEC)
    section = obj.btf.type(section_id) if section_id is not None else None
    configured = {obj.btf.name(each) for each, _, _ in section.variables} if isinstance(section, t.DataSection) else ()
    if name not in configured:
        unit.broken[slot] = f"the kernel's {name} is not simulated"
        return
    if name not in known:
        content = bytearray(machine.kconfig.get(name, 0).to_bytes(8, "little"))
        known[name] = _expose(names, f"kconfig_{name}_", machine.memory.place(content), content)
    unit.values[slot] = known[name].base


def _services(machine: Machine, profile: Profile, round_limit: int) -> dict[str, Any]:
    """What generated code calls besides helpers."""
    return {
        "mem": machine.memory.regions,
        "mem_read": machine.memory.read,
        "task": machine.runtime.task,
        "trace": profile.trail.append,
        "tick": _ticker(profile.trail, round_limit),
        "fail": machine.fail,
        "load_any": machine.load_any,
        "store_any": machine.store_any,
        "tail_call": machine.tail_call,
        "packet_load": machine.packet_load,
    }


def _ticker(trail: list[int], limit: int) -> Callable[[int], None]:
    def tick(number: int) -> None:
        trail.append(number)
        if len(trail) > limit:
            raise SimulationError(f"still running after {limit} rounds of loops")

    return tick


def _callback(function: Callable[..., int], inputs: tuple[int, ...]) -> Callable[..., int]:
    """A function as helpers call it: with r1 ..., of which it takes those it reads."""

    def call(*registers: int) -> int:
        given = (*registers, 0, 0, 0, 0, 0)
        return function(*[given[register - 1] for register in inputs])

    return call
