# SPDX-License-Identifier: Apache-2.0
"""Kernel objects that programs reach through ``bpf_get_current_task``, laid out by the target's types."""

from __future__ import annotations

from typing import Final

from harness.objects import types as t
from harness.objects.btf import STRUCT, Btf
from harness.objects.decode import Decoder
from harness.objects.layout import fields
from harness.sim.memory import M32
from harness.sim.runtime import Task

TASK_ADDRESS: Final = 0xFFFF_8880_0001_0000
PARENT_ADDRESS: Final = 0xFFFF_8880_0002_0000


def task_segments(btf: Btf, task: Task) -> tuple[int, list[tuple[int, bytes]]]:
    """The address of the current ``task_struct``, and the memory of it and its parent (init).

    Only identity is filled in: pid, tgid, comm, parents, group leader.
    """
    type_id = btf.find("task_struct", STRUCT)
    if type_id is None:
        return TASK_ADDRESS, []
    kind = btf.type(type_id)
    assert isinstance(kind, t.Composite)
    present = {field.name for field in fields(btf, kind)}
    decoder = Decoder(btf, type_id)

    def encode(pid: int, tgid: int, comm: bytes, address: int) -> tuple[int, bytes]:
        values = {
            "pid": pid,
            "tgid": tgid,
            "comm": comm[:15],
            "real_parent": PARENT_ADDRESS,
            "parent": PARENT_ADDRESS,
            "group_leader": address,
        }
        return address, decoder.encode({name: value for name, value in values.items() if name in present})

    own = encode(task.pid_tgid & M32, task.pid_tgid >> 32, task.comm, TASK_ADDRESS)
    return TASK_ADDRESS, [own, encode(1, 1, b"init", PARENT_ADDRESS)]
