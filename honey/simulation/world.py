# SPDX-License-Identifier: Apache-2.0
"""The machine around a simulated program: its maps, memory, clock, the current task, and which helpers fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from honey.ir.nodes import MapDef, MapKind
from honey.simulation.maps import KeyedMap, RingBuffer
from honey.simulation.memory import EFAULT, ERANGE, AddressSpace, Pointer, SimulationError
from honey.simulation.packets import Packet

USER_BASE = 0x7F00_0000_0000
KERNEL_BASE = 0xFFFF_8880_0000_0000
KERNEL_START = 0xFFFF_8000_0000_0000
"""Addresses from here on are the kernel's (x86-64); below, a kernel read fails with -ERANGE."""

Helper = Callable[["World", "list[int | Pointer | MapDef | None]"], "int | Pointer | None"]
"""A helper's stand-in: the world and the arguments to the result."""


@dataclass(slots=True)
class Task:
    """The task that the program interrupts: ``pid`` is the thread group (what user space calls the process).

    ``ppid`` is its parent; ``address`` is where its ``struct task_struct`` lies, if a test has placed one of its own.
    """

    pid: int = 1
    tid: int = 1
    uid: int = 0
    gid: int = 0
    comm: bytes = b"test"
    ppid: int = 0
    address: int | None = None


@dataclass(slots=True)
class World:
    """Everything that outlives one run of a handler.

    ``now_ns`` is what the clocks show next, and moves on by ``tick_ns`` with each look at one.
    """

    maps: dict[str, KeyedMap | RingBuffer] = field(default_factory=dict)
    user: AddressSpace = field(default_factory=lambda: AddressSpace(USER_BASE))
    kernel: AddressSpace = field(default_factory=lambda: AddressSpace(KERNEL_BASE))
    task: Task = field(default_factory=Task)
    tasks: dict[tuple[int, int, int, bytes], int] = field(default_factory=dict)
    packet: Packet = field(default_factory=Packet)
    cpu: int = 0
    cpus: int = 1
    now_ns: int = 1_000_000_000
    tick_ns: int = 1_000
    random: int = 0x9E3779B9
    failing: dict[str, int] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    helpers: dict[str, Helper] = field(default_factory=dict)

    def add_map(self, definition: MapDef) -> None:
        """Create an empty map."""
        if definition.kind is MapKind.RINGBUF:
            self.maps[definition.name] = RingBuffer(definition)
        else:
            self.maps[definition.name] = KeyedMap(definition, self.cpus)

    def keyed(self, name: str) -> KeyedMap:
        """The map ``name``, which has keys."""
        found = self.maps[name]
        if isinstance(found, RingBuffer):
            raise SimulationError(f"{name} is a ring buffer")
        return found

    def discard_open_records(self) -> None:
        """Discard the records that are still reserved, as an exception does."""
        for store in self.maps.values():
            if isinstance(store, RingBuffer):
                store.discard_open()

    def ring(self, name: str) -> RingBuffer:
        """The ring buffer ``name``."""
        found = self.maps[name]
        if isinstance(found, KeyedMap):
            raise SimulationError(f"{name} is no ring buffer")
        return found

    def failure(self, helper: str) -> int | None:
        """The error number (negative) that a helper was told to fail with, or ``None``."""
        number = self.failing.get(helper)
        return -number if number is not None else None

    def clock(self) -> int:
        """The time in nanoseconds; it passes by being looked at."""
        now = self.now_ns
        self.now_ns += self.tick_ns
        return now

    def probe_read(self, helper: str, address: int, size: int) -> tuple[int, bytes]:
        """Result and bytes of a read that may fault; zeros on failure."""
        failed = self.failure(helper)
        if failed is not None:
            return failed, bytes(size)
        if helper.endswith("_user"):
            data = self.user.read(address, size)
        elif address < KERNEL_START:
            return -ERANGE, bytes(size)
        else:
            data = self.kernel.read(address, size)
        return (0, data) if data is not None else (-EFAULT, bytes(size))

    def probe_read_str(self, helper: str, address: int, size: int) -> tuple[int, bytes]:
        """Length and bytes of a string, its zero byte included; bytes that the kernel does not write are left out."""
        failed = self.failure(helper)
        if failed is not None:
            return failed, bytes(size)
        user = helper.endswith("_user_str")
        if not user and address < KERNEL_START:
            return -ERANGE, bytes(size)
        data = (self.user if user else self.kernel).read_string(address, size)
        if data is None:
            return -EFAULT, bytes(size)
        if not data.endswith(b"\0"):
            data = data[: size - 1] + b"\0"
        written = data
        if user and size - (len(data) - 1) // 8 * 8 >= 8:
            written = data.ljust(-(-len(data) // 8) * 8, b"\0")[:size]
        return len(data), written
