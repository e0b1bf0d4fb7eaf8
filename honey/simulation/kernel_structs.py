# SPDX-License-Identifier: Apache-2.0
"""The kernel's structs in simulated kernel memory, as ``core_read`` finds them there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from honey.simulation.memory import SimulationError

if TYPE_CHECKING:
    from honey.kernel.layout import KernelStruct
    from honey.simulation.world import World

FieldValue = int | bytes | str | Mapping[str, "FieldValue"]
"""What a field holds: a number or an address, the bytes of an array or a text, or the fields of a struct."""


def struct_bytes(name: str, fields: Mapping[str, FieldValue]) -> bytes:
    """The struct ``name`` of the kernel with some fields set, all else zero.

    Raises `SimulationError` for a struct or a field that the kernel does not have, or a value that does not fit.
    """
    from honey.kernel import types

    found = types.struct(name)
    if found is None:
        raise SimulationError(f"the kernel has no struct {name}")
    return _filled(found, fields)


def _filled(struct: KernelStruct, fields: Mapping[str, FieldValue]) -> bytes:
    from honey.kernel import types

    out = bytearray(struct.size)
    for name, value in fields.items():
        field = struct.field(name)
        if field is None:
            raise SimulationError(f"{struct.spelling} has no field {name}")
        size = field.type.size if field.type is not None else 0
        if isinstance(value, Mapping):
            inner = types.members_of(field.type)
            if inner is None:
                raise SimulationError(f"{name} of {struct.spelling} has no fields")
            data = _filled(inner, value)
        elif isinstance(value, int):
            data = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        else:
            data = value.encode() if isinstance(value, str) else bytes(value)
        if len(data) > size:
            raise SimulationError(f"{len(data)} bytes do not fit {name} of {struct.spelling}, which has {size}")
        out[field.offset : field.offset + len(data)] = data
    return bytes(out)


def current_task(world: World) -> int:
    """The address of the current task's ``struct task_struct``, made of what the test says of the task."""
    task = world.task
    if task.address is not None:
        return task.address
    known = (task.pid, task.tid, task.ppid, task.comm)
    if known not in world.tasks:
        parent = world.kernel.place(struct_bytes("task_struct", {"pid": task.ppid, "tgid": task.ppid}))
        fields: dict[str, FieldValue] = {"pid": task.tid, "tgid": task.pid, "comm": task.comm[:15]}
        fields |= {"real_parent": parent, "parent": parent}
        world.tasks[known] = world.kernel.place(struct_bytes("task_struct", fields))
    return world.tasks[known]
