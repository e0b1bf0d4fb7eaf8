# SPDX-License-Identifier: Apache-2.0
"""What programs and helpers see of the world while they run."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.sim.faults import AccessError, ProgramError
from harness.sim.maps import SimMap
from harness.sim.memory import DYNAMIC, M32, USER_END, Memory, Segments
from harness.sim.packet import PacketContext

KERNEL: Final = 0xFFFF


@dataclass(slots=True)
class Task:
    """The task on whose behalf a program runs, and the time; read directly by translated programs.

    ``now`` is ``CLOCK_MONOTONIC`` in ns; ``pid_tgid`` and ``uid_gid`` are as the helpers give them.
    """

    now: int = 0
    pid_tgid: int = 0
    uid_gid: int = 0
    cpu: int = 0
    comm: bytes = b""
    cgroup: int = 1
    cookie: int = 0


@dataclass(frozen=True, slots=True)
class TraceLine:
    """What ``bpf_printk`` wrote, and who was running when."""

    text: str
    comm: str
    tid: int
    cpu: int
    now: int

    def __str__(self) -> str:
        """The line as the kernel's trace pipe shows it (``trace_print_context``)."""
        seconds, rest = divmod(self.now, 1_000_000_000)
        who = f"{self.comm or '<...>':>16}-{self.tid:<7} [{self.cpu:03}]"
        return f"{who} ..... {seconds:5}.{rest // 1000:06}: bpf_trace_printk: {self.text}"


@dataclass(slots=True)
class Runtime:
    """The state of one machine. ``trace`` are the lines of ``bpf_printk``; ``signals`` what programs sent."""

    memory: Memory
    cpus: int = 1
    task: Task = field(default_factory=Task)
    user: Segments = field(default_factory=Segments)
    kernel: Segments = field(default_factory=Segments)
    maps: dict[int, SimMap] = field(default_factory=dict)
    functions: dict[int, Callable[..., int]] = field(default_factory=dict)
    trace: list[TraceLine] = field(default_factory=list)
    signals: list[tuple[int, int]] = field(default_factory=list)
    redirects: list[tuple[str, int, int]] = field(default_factory=list)
    packet: PacketContext | None = None
    random: random.Random = field(default_factory=lambda: random.Random(0))
    current_task: Callable[[], int] = lambda: 0
    typed_task: Callable[[], int] = lambda: 0

    def map_at(self, address: int) -> SimMap:
        """The map that a program passed. Raises :class:`ProgramError` where it is none."""
        found = self.maps.get(address)
        if found is None:
            raise ProgramError(f"{address:#x} is no map")
        return found

    def callback(self, address: int) -> Callable[..., int]:
        """The function that a program passed. Raises :class:`ProgramError` where it is none."""
        found = self.functions.get(address)
        if found is None:
            raise ProgramError(f"{address:#x} is no function of the program")
        return found

    def print(self, text: str) -> None:
        """A line of ``bpf_printk``; a line break at its end is not doubled."""
        task = self.task
        comm, tid = task.comm[:15].decode("utf-8", "replace"), task.pid_tgid & M32
        self.trace.append(TraceLine(text.removesuffix("\n"), comm, tid, task.cpu, task.now))

    def the_packet(self) -> PacketContext:
        """The packet at hand. Raises :class:`ProgramError` where there is none."""
        if self.packet is None:
            raise ProgramError("this program has no packet")
        return self.packet

    def read_user(self, address: int, size: int) -> bytes | None:
        """User memory, None where it faults."""
        if address + size > USER_END:
            return None
        return self.user.read(address, size)

    def read_kernel(self, address: int, size: int) -> bytes | None:
        """Kernel memory (the program's own included), None where it faults."""
        if DYNAMIC <= address >> 32 < KERNEL << 16:
            try:
                return self.memory.read(address, size)
            except AccessError:
                return None
        return self.kernel.read(address, size)
