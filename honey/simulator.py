# SPDX-License-Identifier: Apache-2.0
"""Runs Honey programs in plain Python, for unit tests: no root, no kernel, milliseconds.

    import honey

    sim = honey.simulate("connections.ex")
    result = sim.fire("count_bytes", pid=42, len=10)
    assert result.value == 0
    assert sim.maps["bytes_by_pid"][42] == 10

A `Simulation` is a small machine: the program's maps (empty at first), a clock, the current task, user and kernel
memory. `fire` runs one handler on one event and returns its `Result`; maps, memory and clock last from event to event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.interpret import Interpreter
from honey.ir.symbols import Symbols
from honey.ir.walk import walk
from honey.simulation.context import Event, build_context, context_left, packet_resized
from honey.simulation.kernel_structs import FieldValue, struct_bytes
from honey.simulation.maps import KeyedMap
from honey.simulation.memory import AddressSpace, SimulationError
from honey.simulation.packets import Packet
from honey.simulation.views import MapView, RingView
from honey.simulation.world import Helper, Task, World


class CompileError(Exception):
    """The source has errors; the message shows them as ``honey check`` does."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one event led to.

    ``value`` is what the handler returned; ``printed`` are its lines for the trace pipe; ``raised`` is the line of the
    exception that ended it (with ``value`` 0), or ``None``; ``packet`` is the packet as the handler left it.
    ``context`` has the fields that the program uses of a context that programs may write (``mark`` of a socket
    buffer), as the handler left them; of other contexts nothing.
    """

    value: int
    printed: tuple[str, ...] = ()
    raised: str | None = None
    packet: bytes = b""
    context: Mapping[str, Any] = field(default_factory=dict)


class Simulation:
    """A program on a simulated machine. See `simulate`."""

    def __init__(self, program: n.Program, *, cpus: int = 1) -> None:
        self.program = program
        self.world = World(cpus=cpus)
        self._symbols = Symbols.of(program)
        for definition in program.maps:
            self.world.add_map(definition)

    @property
    def maps(self) -> Mapping[str, Any]:
        """The maps by name: each a `MapView` (like a dict of typed keys and values) or a `RingView`."""
        return {name: self._view(name) for name in self.world.maps}

    @property
    def task(self) -> Task:
        """The task that events come from, where `fire` is not told otherwise."""
        return self.world.task

    @property
    def user(self) -> AddressSpace:
        """User memory: ``put(address, data)``, ``place(data)`` for any address, ``fault(address, size)``."""
        return self.world.user

    @property
    def kernel(self) -> AddressSpace:
        """Kernel memory, in the same way."""
        return self.world.kernel

    def kernel_struct(self, name: str, **fields: FieldValue) -> int:
        """Put a struct of the kernel into kernel memory, with some fields set, and give its address.

            parent = sim.kernel_struct("task_struct", tgid=1, comm="init")
            sim.task.address = sim.kernel_struct("task_struct", tgid=7, real_parent=parent)

        Raises `SimulationError` for names that the kernel does not have.
        """
        return self.world.kernel.place(struct_bytes(name, fields))

    @property
    def helpers(self) -> dict[str, Helper]:
        """Stand-ins for helpers, by kernel name; they go before the simulation's own."""
        return self.world.helpers

    @property
    def now_ns(self) -> int:
        """What the clock shows next, in nanoseconds since boot."""
        return self.world.now_ns

    @now_ns.setter
    def now_ns(self, value: int) -> None:
        self.world.now_ns = value

    def fail(self, helper: str, errno: int = 14) -> None:
        """From now on, let every call of ``helper`` fail with ``-errno`` (or give nothing, where it gives memory)."""
        self.world.failing[helper] = errno

    def restore(self, helper: str) -> None:
        """Let ``helper`` work again."""
        self.world.failing.pop(helper, None)

    def fire(
        self,
        handler: str,
        *,
        args: list[int] | tuple[int, ...] = (),
        packet: bytes = b"",
        pid: int | None = None,
        tid: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        comm: str | bytes | None = None,
        cpu: int = 0,
        memory: Mapping[int, bytes] | None = None,
        context: Mapping[str, int | bytes] | None = None,
        **fields: int | bytes,
    ) -> Result:
        """Run a handler on one event.

        ``handler`` is its name, its section, or the last part of that, without ``sys_enter_`` (``"sendto"``).
        ``args`` are a system call's (or a function's) arguments by position, ``fields`` arguments or fields of the
        context by name; bytes in the place of an address are put into user memory. ``memory`` is user memory by
        address. The task's ``pid``, ``tid``, ``uid``, ``gid`` and ``comm`` stay as they are given; ``context`` are
        further arguments or fields of the context, for those that are called like one of these
        (``context={"pid": 7}``).
        ``packet`` begins with what the program sees first: with the Ethernet header for XDP and tc.

        Raises `SimulationError` for a name that is none, or where the program does what cannot be simulated.
        """
        function = self._handler(handler)
        self._become(pid=pid, tid=tid, uid=uid, gid=gid, comm=comm)
        self.world.cpu = cpu
        for address, data in (memory or {}).items():
            self.world.user.put(address, data)
        event = Event(tuple(args), {**fields, **(context or {})}, bytearray(packet))
        made = build_context(function, event, self._symbols, self.world)
        resized = partial(packet_resized, function, made, event.packet, self._symbols)
        xdp = function.section is not None and function.section.context == "xdp_md"
        self.world.packet = Packet(event.packet, xdp, resized=resized)
        interpreter = Interpreter(self.program, self.world, event.packet)
        first = len(self.world.printed)
        outcome = interpreter.handle(function.name, made)
        left = context_left(function, made, self._symbols)
        return Result(outcome.value, tuple(self.world.printed[first:]), outcome.raised, bytes(event.packet), left)

    def _become(self, *, comm: str | bytes | None, **numbers: int | None) -> None:
        if numbers["pid"] is not None and numbers["tid"] is None:
            numbers["tid"] = numbers["pid"]
        for name, value in numbers.items():
            if value is not None:
                setattr(self.world.task, name, value)
        if comm is not None:
            self.world.task.comm = comm.encode() if isinstance(comm, str) else comm

    def _handler(self, name: str) -> n.Function:
        found = [function for function in self.program.handlers if name in _names_of(function)]
        if len(found) != 1:
            known = ", ".join(function.name for function in self.program.handlers)
            raise SimulationError(f"{'no' if not found else 'more than one'} handler is {name!r}; there are {known}")
        return found[0]

    def _view(self, name: str) -> MapView | RingView:
        store = self.world.maps[name]
        if isinstance(store, KeyedMap):
            return MapView(store, self._symbols)
        return RingView(store, _record_types(self.program, name), self._symbols)


def _names_of(function: n.Function) -> set[str]:
    section = function.section
    if section is None:
        return set()
    last = section.target.rpartition("/")[2]
    return {function.name, section.spelling, last, last.removeprefix("sys_enter_")} - {""}


def _record_types(program: n.Program, name: str) -> dict[int, t.Type]:
    """The types of a ring buffer's records by size; a size that two types share tells nothing."""
    found: dict[int, set[t.Type]] = {}
    for function in program.functions:
        for node in walk(function.body):
            type_: t.Type | None = None
            if isinstance(node, n.RingReserve) and node.map == name:
                type_ = node.type.target
            elif isinstance(node, n.RingOutput) and node.map == name:
                type_ = node.value.type
            if type_ is not None:
                found.setdefault(type_.size, set()).add(type_)
    return {size: next(iter(types)) for size, types in found.items() if len(types) == 1}


def simulate(source: str | PathLike[str] | n.Program, *, cpus: int = 1, passes: list[str] | None = None) -> Simulation:
    """A simulation of a program.

    ``source`` is the path of an ``.ex`` file, or the source text itself. ``cpus`` is the number of CPUs that per-CPU
    maps have values for. ``passes`` names the optimisation passes to run first; usually none, as the result is the
    same. Raises `CompileError` if the source has errors, `OSError` if it cannot be read.
    """
    if isinstance(source, n.Program):
        return Simulation(source, cpus=cpus)
    from honey import compiler
    from honey.syntax.source import SourceFile

    if isinstance(source, str) and "\n" in source:
        file = SourceFile.from_text(source)
    else:
        path = Path(source)
        file = SourceFile(str(path), path.read_bytes())
    done = compiler.translate(file, passes or [])
    if done.program is None:
        from honey.diagnostics.render import render

        raise CompileError("\n".join(render(diagnostic) for diagnostic in done.diagnostics if diagnostic.is_error))
    return Simulation(done.program, cpus=cpus)
