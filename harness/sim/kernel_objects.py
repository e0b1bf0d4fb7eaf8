# SPDX-License-Identifier: Apache-2.0
"""Kernel objects that programs reach through ``bpf_get_current_task``, laid out by the target's types."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from harness.objects import types as t
from harness.objects.btf import STRUCT, Btf
from harness.objects.layout import Field, fields
from harness.sim.memory import M32
from harness.sim.runtime import Task

TASK_ADDRESS: Final = 0xFFFF_8880_0001_0000
PARENT_ADDRESS: Final = 0xFFFF_8880_0002_0000


class TaskMemory:
    """The current task's ``task_struct`` and that of its parent (init).

    Only identity is filled in: pid, tgid, comm, parents, group leader. All else is zero.
    """

    def __init__(self, btf: Btf) -> None:
        """``btf`` are the target's types; where they have no ``task_struct``, nothing can be read."""
        type_id = btf.find("task_struct", STRUCT)
        kind = btf.type(type_id) if type_id is not None else None
        self._size = kind.size if isinstance(kind, t.Composite) else 0
        self._fields: dict[str, Field] = (
            {field.name: field for field in fields(btf, kind)} if isinstance(kind, t.Composite) else {}
        )
        self.segments = lru_cache(maxsize=64)(self._segments)

    def of(self, task: Task) -> list[tuple[int, bytes]]:
        """Addresses and contents while ``task`` is the current one, which is at :data:`TASK_ADDRESS`."""
        return self.segments(task.pid_tgid, task.comm)

    def _segments(self, pid_tgid: int, comm: bytes) -> list[tuple[int, bytes]]:
        own = self._encode(pid_tgid & M32, pid_tgid >> 32, comm, TASK_ADDRESS)
        return [(TASK_ADDRESS, own), (PARENT_ADDRESS, self._encode(1, 1, b"init", PARENT_ADDRESS))]

    def _encode(self, pid: int, tgid: int, comm: bytes, address: int) -> bytes:
        values: dict[str, int | bytes] = {
            "pid": pid,
            "tgid": tgid,
            "comm": comm[:15],
            "real_parent": PARENT_ADDRESS,
            "parent": PARENT_ADDRESS,
            "group_leader": address,
        }
        raw = bytearray(self._size)
        for name, value in values.items():
            field = self._fields.get(name)
            if field is not None:
                content = value if isinstance(value, bytes) else value.to_bytes(field.size, "little")
                raw[field.offset : field.offset + len(content)] = content
        return bytes(raw)
