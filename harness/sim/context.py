# SPDX-License-Identifier: Apache-2.0
"""The context that a hook hands to its programs, built from an event.

``syscalls/sys_enter_*`` and ``sys_exit_*``, ``raw_syscalls``, and every other tracepoint through the type of the
program's own argument (``struct trace_event_raw_*``), whose fields the event names. Packet programs have theirs in
:mod:`harness.sim.packet`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.objects import types as t
from harness.objects.btf import STRUCT, Btf
from harness.objects.elf import BpfObject, Program
from harness.objects.errors import ObjectError
from harness.objects.layout import Field, fields
from harness.sim.faults import SimulationError
from harness.sim.memory import M64
from workloads.events import Event

#: System call numbers of x86-64 by name, see ``make_syscalls``.
SYSCALLS: Final[Mapping[str, int]] = json.loads(
    Path(__file__).with_name("syscalls_x86_64.json").read_text(encoding="utf-8")
)
#: ``struct trace_entry``: type, flags, preempt count, pid.
ENTRY: Final = 8
_DATA_LOC: Final = "__data_loc_"
_ENTER: Final = struct.Struct("<8xq6Q")
_EXIT: Final = struct.Struct("<8xqQ")


class ContextBuilder:
    """Builds contexts for one program; layouts are looked up once."""

    def __init__(self, obj: BpfObject, program: Program, target: Btf) -> None:
        self.hook = program.hook
        self.kind = program.kind
        self.section = program.section
        self._argument = _argument(obj, program)
        self._object = obj
        self._target = target
        self._layout: tuple[int, list[Field]] | None = None

    def build(self, event: Event) -> bytes:
        """The context's bytes. Raises :class:`SimulationError` where the event does not say enough."""
        if self.kind in {"raw_tracepoint", "raw_tp", "tp_btf"}:
            return self._raw(event)
        group, _, name = self.hook.partition("/")
        if group == "syscalls" or self.hook in {"raw_syscalls/sys_enter", "raw_syscalls/sys_exit"}:
            return self._system_call(event, name)
        return self._tracepoint(event)

    def _system_call(self, event: Event, name: str) -> bytes:
        number = _number(event, name)
        if name.startswith("sys_exit"):
            result = event.args[0] if event.args else event.ret
            if result is None:
                raise SimulationError(f"event {event.seq}: the exit of a system call without its result")
            return _EXIT.pack(number, result & M64)
        arguments = [value & M64 for value in event.args[:6]]
        return _ENTER.pack(number, *arguments, *[0] * (6 - len(arguments)))

    @staticmethod
    def _raw(event: Event) -> bytes:
        """Raw tracepoints get the hook's arguments as 64-bit numbers."""
        values = [*event.args] or [value for value in event.fields.values() if isinstance(value, int)]
        return b"".join((value & M64).to_bytes(8, "little") for value in values).ljust(96, b"\0")

    def _tracepoint(self, event: Event) -> bytes:
        if self._layout is None:
            self._layout = self._find_layout()
        size, layout = self._layout
        values: dict[str, Any] = dict(event.fields)
        named = [field.name for field in layout if field.name != "ent" and not field.name.startswith("__data")]
        values.update({name: value for name, value in zip(named, event.args, strict=False) if name not in values})
        raw = bytearray(size)
        for field in layout:
            name = field.name.removeprefix(_DATA_LOC)
            if name not in values:
                continue
            value = values[name]
            if field.name.startswith(_DATA_LOC):
                content = (value.encode() if isinstance(value, str) else bytes(value)) + b"\0"
                struct.pack_into("<I", raw, field.offset, len(content) << 16 | len(raw))
                raw += content
            elif isinstance(value, (str, bytes)):
                content = value.encode() if isinstance(value, str) else value
                raw[field.offset : field.offset + field.size] = content[: field.size].ljust(field.size, b"\0")
            else:
                number = int(value) & (1 << 8 * field.size) - 1
                raw[field.offset : field.offset + field.size] = number.to_bytes(field.size, "little")
        return bytes(raw)

    def _find_layout(self) -> tuple[int, list[Field]]:
        """Size and fields of the context's struct, in the target's types if it knows the struct by name."""
        own: Btf = self._object.btf
        name = f"trace_event_raw_{self.hook.rpartition('/')[2]}"
        if self._argument is not None:
            name = own.name(self._argument).partition("___")[0]
        places = [(self._target, self._target.find(name, STRUCT))] if self._target is not own else []
        for btf, found in (*places, (own, self._argument)):
            kind = btf.type(found) if found is not None else None
            if isinstance(kind, t.Composite):
                layout = [field for field in fields(btf, kind) if field.size]
                return max(kind.size, ENTRY), layout
        raise SimulationError(f"{self.section}: nothing says what the context that the program reads looks like")


def _number(event: Event, name: str) -> int:
    """The system call's number: what the event says, else by the hook's name."""
    for key in ("id", "nr", "syscall_nr", "__syscall_nr"):
        if key in event.fields:
            return int(event.fields[key])
    call = name.partition("_")[2].partition("_")[2]
    return SYSCALLS.get(call, -1)


def _argument(obj: BpfObject, program: Program) -> int | None:
    """The BTF id of the struct that the program's first argument points to."""
    function_id = obj.ext.functions.get((program.section, program.offset))
    if function_id is None:
        return None
    try:
        function = obj.btf.type(function_id)
        proto = obj.btf.type(function.proto) if isinstance(function, t.FunctionType) else None
        if not isinstance(proto, t.FunctionProto) or not proto.parameters:
            return None
        pointer = obj.btf.resolved(proto.parameters[0][1])
        if not isinstance(pointer, t.Pointer):
            return None
        found = obj.btf.resolve(pointer.target)
    except ObjectError:
        return None
    return found if isinstance(obj.btf.type(found), t.Composite) else None
