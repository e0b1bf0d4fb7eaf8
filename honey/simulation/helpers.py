# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for kernel helpers that have no node of their own in the IR; see bpf-helpers(7) for their meaning.

A test can add one, or replace one, through ``Simulation.helpers``.
"""

from __future__ import annotations

from honey.ir.nodes import MapDef
from honey.simulation import packets
from honey.simulation.kernel_structs import current_task
from honey.simulation.memory import Pointer, SimulationError
from honey.simulation.world import Helper, World

Args = list[int | Pointer | MapDef | None]


def _pointer(value: object) -> Pointer:
    if not isinstance(value, Pointer):
        raise SimulationError("a helper was not given memory to write to")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise SimulationError("a helper was not given a number")
    return value


def _pid_tgid(world: World, _: Args) -> int:
    return world.task.pid << 32 | world.task.tid


def _uid_gid(world: World, _: Args) -> int:
    return world.task.gid << 32 | world.task.uid


def _comm(world: World, args: Args) -> int:
    size = _number(args[1])
    _pointer(args[0]).store(world.task.comm[: size - 1].ljust(size, b"\0"))
    return 0


def _clock(world: World, _: Args) -> int:
    return world.clock()


def _jiffies(world: World, _: Args) -> int:
    return world.clock() // 4_000_000


def _cpu(world: World, _: Args) -> int:
    return world.cpu


def _random(world: World, _: Args) -> int:
    """Xorshift: numbers that look random, and the same ones in each run."""
    value = world.random
    for shift in (13, -17, 5):
        value ^= (value << shift if shift > 0 else value >> -shift) & 0xFFFFFFFF
    world.random = value
    return value


def _task(world: World, _: Args) -> int:
    return current_task(world)


def _zero(_: World, __: Args) -> int:
    return 0


HELPERS: dict[str, Helper] = {
    "bpf_get_current_pid_tgid": _pid_tgid,
    "bpf_get_current_uid_gid": _uid_gid,
    "bpf_get_current_comm": _comm,
    "bpf_get_current_task": _task,
    "bpf_get_current_task_btf": _task,
    "bpf_ktime_get_ns": _clock,
    "bpf_ktime_get_boot_ns": _clock,
    "bpf_ktime_get_coarse_ns": _clock,
    "bpf_ktime_get_tai_ns": _clock,
    "bpf_jiffies64": _jiffies,
    "bpf_get_smp_processor_id": _cpu,
    "bpf_get_numa_node_id": _zero,
    "bpf_get_prandom_u32": _random,
    "bpf_get_current_cgroup_id": _zero,
    "barrier_var": _zero,
    "bpf_send_signal": _zero,
    "bpf_send_signal_thread": _zero,
    **packets.HELPERS,
}


def call(world: World, name: str, args: Args) -> int | Pointer | None:
    """The result of helper ``name``."""
    failed = world.failure(name)
    if failed is not None:
        return failed
    helper = world.helpers.get(name) or HELPERS.get(name)
    if helper is None:
        raise SimulationError(f"{name} is not simulated; give the simulation a stand-in: sim.helpers[{name!r}] = ...")
    return helper(world, args)
