# SPDX-License-Identifier: Apache-2.0
"""Kernel objects that programs reach through ``bpf_get_current_task``, laid out by the target's types.

An event describes what hangs on its task under ``fields["task"]``, by field names, as far as it matters; all else is
zero. For a socket behind file descriptor 3::

    {"files": {"fdt": {"fd": {3: {"private_data": {"struct": "socket", "sk": {"sk_protocol": 17}}}}}}}

A mapping stands for a struct, or for a pointer to one; numbers as keys, or a list, for an array or a pointer to one;
``struct`` names the type behind a ``void *``. Bytes are taken as they are (addresses in network order). Fields that the
target's types do not have are left out: no program fitted to those types can reach them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.objects import types as t
from harness.objects.btf import POINTER_SIZE, STRUCT, Btf
from harness.objects.layout import Field, fields
from harness.sim.faults import SimulationError
from harness.sim.memory import M32
from harness.sim.runtime import Task

TASK_ADDRESS: Final = 0xFFFF_8880_0001_0000
_ALIGNMENT: Final = 64
_TYPE: Final = "struct"


class TaskMemory:
    """The current task's ``task_struct`` and all that hangs on it."""

    def __init__(self, btf: Btf) -> None:
        """``btf`` are the target's types; where they have no ``task_struct``, nothing can be read."""
        self._btf = btf
        self._task = btf.find("task_struct", STRUCT)
        self._known: dict[int, dict[str, Field]] = {}
        self._last: tuple[object, Any, list[tuple[int, bytes]]] | None = None

    def of(self, task: Task, described: Mapping[str, Any]) -> list[tuple[int, bytes]]:
        """Addresses and contents while ``task`` is the current one, which is at :data:`TASK_ADDRESS`.

        Raises :class:`SimulationError` where ``described`` does not fit the types.
        """
        if self._task is None:
            return []
        who = (task.pid_tgid, task.comm)
        if self._last is None or self._last[0] != who or self._last[1] is not described:
            whole = {**_identity(task.pid_tgid & M32, task.pid_tgid >> 32, task.comm), **described}
            self._last = who, described, _Layout(self._btf, self._known).build(self._task, whole)
        return self._last[2]


def _identity(pid: int, tgid: int, comm: bytes) -> dict[str, Any]:
    init = {"pid": 1, "tgid": 1, "comm": b"init"}
    leader = TASK_ADDRESS if pid == tgid else {"pid": tgid, "tgid": tgid, "comm": comm[:15]}
    return {"pid": pid, "tgid": tgid, "comm": comm[:15], "real_parent": init, "parent": init, "group_leader": leader}


class _Layout:
    """Lays out one graph of objects, one after the other."""

    def __init__(self, btf: Btf, known: dict[int, dict[str, Field]]) -> None:
        self.btf = btf
        self.known = known
        self.segments: list[tuple[int, bytes]] = []
        self.next = TASK_ADDRESS

    def build(self, type_id: int, value: Any) -> list[tuple[int, bytes]]:
        self._place(type_id, self.btf.size(type_id), value)
        return self.segments

    def _place(self, type_id: int, size: int, value: Any) -> int:
        """Put an object of its own somewhere; gives its address."""
        address = self.next
        self.next += -(-(size + 1) // _ALIGNMENT) * _ALIGNMENT
        raw = bytearray(size)
        self._fill(raw, 0, type_id, value)
        self.segments.append((address, bytes(raw)))
        return address

    def _fill(self, raw: bytearray, at: int, type_id: int, value: Any) -> None:
        kind = self.btf.resolved(type_id)
        if isinstance(value, (bytes, str)) and not isinstance(kind, t.Pointer):
            content = value.encode() if isinstance(value, str) else value
            raw[at : at + len(content)] = content
        elif isinstance(kind, t.Composite) and isinstance(value, Mapping):
            self._struct(raw, at, self.btf.resolve(type_id), value)
        elif isinstance(kind, t.Array) and isinstance(value, (Mapping, list)):
            self._elements(raw, at, kind.element, value)
        elif isinstance(value, int):
            size = self.btf.size(type_id)
            raw[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        elif isinstance(kind, t.Pointer):
            address = self._pointed(kind.target, value) if value is not None else 0
            raw[at : at + POINTER_SIZE] = address.to_bytes(POINTER_SIZE, "little")
        else:
            raise SimulationError(f"{value!r} does not describe a {self.btf.describe(type_id)}")

    def _struct(self, raw: bytearray, at: int, type_id: int, value: Mapping[str, Any]) -> None:
        kind = self.btf.type(type_id)
        assert isinstance(kind, t.Composite)
        if type_id not in self.known:
            self.known[type_id] = {field.name: field for field in fields(self.btf, kind)}
        for name, part in value.items():
            field = self.known[type_id].get(name)
            if field is None:
                continue
            if field.bit_size:
                whole = int.from_bytes(raw[at : at + kind.size], "little")
                whole |= (part & (1 << field.bit_size) - 1) << field.bit_offset
                raw[at : at + kind.size] = whole.to_bytes(kind.size, "little")
            else:
                self._fill(raw, at + field.offset, field.type, part)

    def _pointed(self, target: int, value: Any) -> int:
        """The address of what a pointer points to."""
        if not isinstance(value, (Mapping, list)):
            raise SimulationError(f"{value!r} does not describe what a {self.btf.describe(target)} * points to")
        if isinstance(value, Mapping) and _TYPE in value:
            named = self.btf.find(value[_TYPE], STRUCT)
            if named is None:
                raise SimulationError(f"the target's types have no struct {value[_TYPE]}")
            target = named
        if isinstance(value, list) or all(_is_number(key) for key in value):
            length = max(_numbered(value), default=-1) + 1
            size = self.btf.size(target)
            address = self.next
            self.next += -(-(length * size + 1) // _ALIGNMENT) * _ALIGNMENT
            raw = bytearray(length * size)
            self._elements(raw, 0, target, value)
            self.segments.append((address, bytes(raw)))
            return address
        return self._place(target, self.btf.size(target), value)

    def _elements(self, raw: bytearray, at: int, element: int, value: Mapping[int, Any] | list[Any]) -> None:
        size = self.btf.size(element)
        for index, part in _numbered(value).items():
            self._fill(raw, at + index * size, element, part)


def _is_number(key: object) -> bool:
    """Whether a key is an index; JSON makes text of those."""
    return isinstance(key, int) or (isinstance(key, str) and key.isdigit())


def _numbered(value: Mapping[int, Any] | list[Any]) -> dict[int, Any]:
    return dict(enumerate(value)) if isinstance(value, list) else {int(key): part for key, part in value.items()}
