# SPDX-License-Identifier: Apache-2.0
"""Helpers that tell about the current task, CPU and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.sim.helper_table import ANY, WORD, Table, negative
from harness.sim.memory import M32

if TYPE_CHECKING:
    from harness.sim.runtime import Runtime

TABLE: Final = Table()
EINVAL: Final = 22
ENOENT: Final = 2
COMM_SIZE: Final = 16
#: ``CONFIG_HZ`` of the kernels at hand.
NS_PER_JIFFY: Final = 4_000_000


@TABLE.add()
def ktime_get_ns(rt: Runtime) -> int:
    """The time does not move while a program runs."""
    return rt.task.now


@TABLE.add()
def ktime_get_boot_ns(rt: Runtime) -> int:
    """The same clock: the machine never sleeps."""
    return rt.task.now


@TABLE.add()
def ktime_get_coarse_ns(rt: Runtime) -> int:
    """The time of the last tick."""
    return rt.task.now // NS_PER_JIFFY * NS_PER_JIFFY


@TABLE.add()
def ktime_get_tai_ns(rt: Runtime) -> int:
    """The same clock again."""
    return rt.task.now


@TABLE.add()
def jiffies64(rt: Runtime) -> int:
    """Ticks since the start."""
    return rt.task.now // NS_PER_JIFFY


@TABLE.add()
def get_current_pid_tgid(rt: Runtime) -> int:
    """Process in the upper half, thread in the lower."""
    return rt.task.pid_tgid


@TABLE.add()
def get_current_uid_gid(rt: Runtime) -> int:
    """Group in the upper half, user in the lower."""
    return rt.task.uid_gid


@TABLE.add(writes=(1, 2))
def get_current_comm(rt: Runtime, to: int, size: int) -> int:
    """The task's name, cut off and filled with zeros."""
    size &= M32
    if not size:
        return negative(EINVAL)
    name = rt.task.comm[: min(size, COMM_SIZE) - 1]
    rt.memory.write(to, name.ljust(size, b"\0"))
    return 0


@TABLE.add(returns=WORD)
def get_smp_processor_id(rt: Runtime) -> int:
    """The CPU."""
    return rt.task.cpu


@TABLE.add(returns=WORD)
def get_numa_node_id(rt: Runtime) -> int:
    """There is one node."""
    del rt
    return 0


@TABLE.add(returns=WORD)
def get_prandom_u32(rt: Runtime) -> int:
    """The same numbers in every run."""
    return rt.random.getrandbits(32)


@TABLE.add(returns=ANY)
def get_current_task(rt: Runtime) -> int:
    """The address of the ``task_struct``."""
    return rt.current_task()


@TABLE.add(returns=ANY)
def get_current_task_btf(rt: Runtime) -> int:
    """Likewise, with a type: what hangs on it can be loaded."""
    return rt.typed_task()


@TABLE.add()
def get_current_cgroup_id(rt: Runtime) -> int:
    """The root's."""
    return rt.task.cgroup


@TABLE.add()
def get_attach_cookie(rt: Runtime, context: int) -> int:
    """What was given when the program was attached."""
    del context
    return rt.task.cookie


@TABLE.add(writes=(3, 4))
def get_ns_current_pid_tgid(rt: Runtime, device: int, inode: int, to: int, size: int) -> int:
    """In the one namespace there is, pid and tgid are the usual ones."""
    del device, inode
    if size != 8:
        rt.memory.write(to, bytes(size & M32))
        return negative(EINVAL)
    pid, tgid = rt.task.pid_tgid & M32, rt.task.pid_tgid >> 32
    rt.memory.write(to, pid.to_bytes(4, "little") + tgid.to_bytes(4, "little"))
    return 0


@TABLE.add()
def send_signal(rt: Runtime, number: int) -> int:
    """Noted, not delivered."""
    rt.signals.append((rt.task.pid_tgid >> 32, number & M32))
    return 0


@TABLE.add()
def send_signal_thread(rt: Runtime, number: int) -> int:
    """Noted, not delivered."""
    rt.signals.append((rt.task.pid_tgid & M32, number & M32))
    return 0
