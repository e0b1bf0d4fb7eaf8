# SPDX-License-Identifier: Apache-2.0
"""A machine without a kernel: one object's maps and programs, run on events.

>>> machine = Machine(read_object("monitor.bpf.o"))                      # doctest: +SKIP
>>> machine.dispatch(Event(0, "syscalls/sys_enter_sendto", args=(3, 0, 512, 0, 0, 0)))  # doctest: +SKIP
>>> machine.contents("bytes_by_pid"), machine.profile("sendto").insns     # doctest: +SKIP
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.objects.btf import Btf
from harness.objects.decode import Decoder
from harness.objects.elf import BpfObject
from harness.sim.create import create_map
from harness.sim.faults import AccessError, Fault, ProgramError, SimulationError
from harness.sim.kernel_objects import TASK_ADDRESS, TaskMemory
from harness.sim.load import Loaded, load_program
from harness.sim.maps import ReferenceMap, SimMap
from harness.sim.memory import M32, Memory, Segments
from harness.sim.packet import PacketContext, protocol_of
from harness.sim.profile import Profile
from harness.sim.queues import PerfEventArray, RingBuffer
from harness.sim.runtime import KERNEL, Runtime
from workloads.events import Event

CONTEXT_SIZE: Final = 4096
#: ``MAX_TAIL_CALL_CNT``.
MAX_TAIL_CALLS: Final = 33
ROUND_LIMIT: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the monotonic clock starts, and by how much each event moves it; ns."""

    start_ns: int = 1_000_000_000_000
    step_ns: int = 1_000


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of one program.

    ``result`` is r0 (64 bits, unsigned; 0 after a fault), ``insns`` the eBPF instructions executed, programs reached by
    tail calls included. ``packet`` is the frame afterwards.
    """

    program: str
    result: int
    insns: int
    packet: bytes | None = None
    fault: Fault | None = None


class Machine:
    """The programs and maps of one object, and the world they see."""

    def __init__(
        self,
        obj: BpfObject,
        *,
        programs: Iterable[str] | None = None,
        target_btf: Btf | None = None,
        clock: Clock | None = None,
        cpus: int = 1,
        seed: int = 0,
        kernel_memory: Iterable[tuple[int, bytes]] = (),
        kconfig: Mapping[str, int] | None = None,
        round_limit: int = ROUND_LIMIT,
    ) -> None:
        """Create maps and translate programs.

        ``programs`` names those to load (all but those whose section begins with ``?``). ``target_btf`` are the types
        CO-RE relocations are applied against (the object's own). ``kernel_memory`` is what ``probe_read_kernel`` can
        read, ``kconfig`` the values of ``extern`` configuration symbols. ``round_limit`` ends programs that loop for
        ever.

        Raises :class:`SimulationError` or ``ObjectError`` where the object needs what is not there.
        """
        self.object = obj
        self.target_btf = target_btf or obj.btf
        self.clock = clock or Clock()
        self.now = self.clock.start_ns
        self.kconfig = dict(kconfig or {})
        self.memory = Memory()
        self.packet = PacketContext(self.memory)
        self.context = bytearray(CONTEXT_SIZE)
        self.context_address = self.memory.place(self.context)
        self.maps: dict[str, SimMap] = {
            name: create_map(definition, self.memory, cpus) for name, definition in obj.maps.items()
        }
        self._kernel_memory = list(kernel_memory)
        self._task_memory: TaskMemory | None = None
        self._described_task: Mapping[str, Any] = {}
        self.runtime = Runtime(
            memory=self.memory,
            cpus=cpus,
            kernel=Segments(self._kernel_memory),
            maps={a_map.address: a_map for a_map in self.maps.values()},
            random=random.Random(seed),
            current_task=self._current_task,
            typed_task=self._typed_task,
        )
        self._fill_references()
        loads_itself = [name for name, program in obj.programs.items() if not program.section.startswith("?")]
        wanted = loads_itself if programs is None else list(programs)
        for name in wanted:
            if name not in obj.programs:
                raise SimulationError(f"{obj.path}: no program {name}")
        self.programs: dict[str, Loaded] = {
            name: load_program(self, obj, obj.programs[name], self.target_btf, round_limit) for name in wanted
        }
        self._by_hook: dict[str, list[Loaded]] = {}
        for loaded in self.programs.values():
            self._by_hook.setdefault(loaded.program.hook, []).append(loaded)
        self._rings = [a_map for a_map in self.maps.values() if isinstance(a_map, RingBuffer)]
        self._per_cpu = [a_map for a_map in self.maps.values() if a_map.cpus > 1]
        self._entered: list[Loaded] = []

    def _fill_references(self) -> None:
        """Entries of program arrays and maps of maps that the object declares itself."""
        for a_map in self.maps.values():
            if isinstance(a_map, ReferenceMap):
                for index, name in enumerate(a_map.definition.targets):
                    if name is not None:
                        a_map.put(index, self.maps.get(name, name))

    # Running

    def dispatch(self, event: Event) -> list[Execution]:
        """Run every program attached to the event's hook, as often as the event happened."""
        loaded = self._by_hook.get(event.hook, ())
        done: list[Execution] = []
        step_ns = int(event.fields.get("elapsed_ns", self.clock.step_ns))
        for _ in range(event.count):
            self.now += step_ns
            for program in loaded:
                if program.fields is not None:
                    done.append(self.run_packet(program.name, event.packet or b"", event=event))
                else:
                    context = program.context.build(event) if program.context else b""
                    done.append(self.run(program.name, context, event=event))
        return done

    def run(self, name: str, context: bytes, *, event: Event | None = None) -> Execution:
        """Run one program on the bytes of a context, in the world of ``event``.

        Raises :class:`SimulationError` where there is no such program; what goes wrong inside comes as a fault.
        """
        loaded = self._loaded(name)
        if len(context) > len(self.context):
            raise SimulationError(f"a context of {len(context)} bytes is larger than {len(self.context)}")
        self.context[: len(context)] = context
        self._enter(event)
        self.runtime.packet = None
        return self._execute(loaded)

    def run_packet(
        self, name: str, packet: bytes, *, event: Event | None = None, fields: Mapping[str, int] | None = None
    ) -> Execution:
        """Run an XDP, tc or socket program on a frame; ``fields`` are further values of its context."""
        loaded = self._loaded(name)
        if loaded.fields is None:
            raise SimulationError(f"{name} is no packet program")
        xdp = loaded.program.kind.startswith("xdp")
        values = self._packet_values(packet, event, xdp=xdp) | dict(fields or {})
        self.packet.fill(packet, xdp=xdp, values=values)
        self._enter(event)
        self.runtime.packet = self.packet
        return self._execute(loaded)

    def _packet_values(self, packet: bytes, event: Event | None, *, xdp: bool) -> dict[str, int]:
        known = dict(event.fields) if event else {}
        values: dict[str, int] = {"ingress_ifindex": 1}
        if not xdp:
            values |= {"ifindex": 1, "protocol": protocol_of(packet), "wire_len": len(packet)}
        offsets = self.packet.names(xdp=xdp)
        return values | {name: int(value) for name, value in known.items() if name in offsets}

    def _loaded(self, name: str) -> Loaded:
        if name not in self.programs:
            raise SimulationError(f"no program {name}")
        return self.programs[name]

    def _enter(self, event: Event | None) -> None:
        """Set task, time and user memory."""
        task = self.runtime.task
        task.now = self.now
        if event is None:
            return
        task.pid_tgid = (event.pid & M32) << 32 | (event.tid or event.pid) & M32
        task.comm = event.comm.encode()
        fields = event.fields
        self._described_task = fields.get("task", _NO_TASK)
        task.uid_gid = int(fields.get("gid", 0)) << 32 | int(fields.get("uid", 0))
        task.now = int(fields.get("now_ns", self.now))
        cpu = int(fields.get("cpu", 0)) % self.runtime.cpus
        if cpu != task.cpu:
            task.cpu = cpu
            for a_map in self._per_cpu:
                a_map.cpu = cpu
        if event.memory or self.runtime.user is not _NOTHING:
            self.runtime.user = Segments(event.memory) if event.memory else _NOTHING

    def _execute(self, loaded: Loaded) -> Execution:
        entered = self._entered
        entered.clear()
        entered.append(loaded)
        fault: Fault | None = None
        try:
            result = loaded.main()
        except _STOPPING as error:
            result, fault = 0, self._fault(error)
        insns = 0
        for program in entered:
            insns += program.profile.account()
        for ring in self._rings:
            ring.drain()
        self.memory.sweep()
        packet = self.packet.data if loaded.fields is not None else None
        return Execution(loaded.name, result, insns, packet, fault)

    def _fault(self, error: Exception) -> Fault:
        loaded = self._entered[-1]
        slot = loaded.translated.slot_of(error.__traceback__)
        function = next(name for start, name in reversed(loaded.linked.functions) if start <= slot)
        if isinstance(error, (AccessError, ProgramError, SimulationError)):
            message = str(error)
        else:
            message = "access outside of the program's memory"
        return Fault(loaded.name, function, slot, message, loaded.linked.lines[slot])

    # What generated code calls

    @staticmethod
    def fail(message: str) -> None:
        """An instruction that cannot be run was reached."""
        raise ProgramError(message)

    def load_any(self, address: int, size: int) -> int:
        """A load through a pointer of unknown origin: context, own memory, or (typed programs) kernel memory."""
        upper = address >> 32
        if upper == self.packet.context_address >> 32:
            return self.packet.load(address & M32, size)
        if upper < KERNEL << 16:
            return int.from_bytes(self.memory.read(address, size), "little")
        # A fault in a typed program's load gives 0 (exception table of the JIT).
        return int.from_bytes(self.runtime.kernel.read(address, size) or b"", "little")

    def store_any(self, address: int, size: int, value: int) -> None:
        """A store through a pointer of unknown origin."""
        if address >> 32 == self.packet.context_address >> 32:
            self.packet.store(address & M32, size, value)
        else:
            self.memory.write(address, value.to_bytes(size, "little"))

    def tail_call(self, context: int, table: int, index: int) -> Callable[[], int] | None:
        """The program to go on with, or None where the call fails."""
        del context
        programs = self.runtime.map_at(table)
        if not isinstance(programs, ReferenceMap):
            raise ProgramError(f"map {programs.name} is no program array")
        name = programs.targets.get((index & M32).to_bytes(4, "little"))
        if name not in self.programs or len(self._entered) > MAX_TAIL_CALLS:
            return None
        target = self.programs[name]
        self._entered.append(target)
        return target.main

    def packet_load(self, offset: int, size: int) -> int:
        """``LD_ABS``/``LD_IND``: a number in network order, -1 outside of the packet."""
        offset &= M32
        data = self.packet.data
        if offset + size > len(data):
            return -1
        return int.from_bytes(data[offset : offset + size], "big")

    def _current_task(self) -> int:
        if self._task_memory is None:
            self._task_memory = TaskMemory(self.target_btf)
        self.runtime.kernel = Segments(
            [*self._kernel_memory, *self._task_memory.of(self.runtime.task, self._described_task)]
        )
        return TASK_ADDRESS

    def _typed_task(self) -> int:
        """The same; until the program has ended, its loads reach what hangs on the task, and give 0 through null."""
        address = self._current_task()
        assert self._task_memory is not None
        segments = self._task_memory.of(self.runtime.task, self._described_task)
        window = bytearray(max((start + len(content) & M32 for start, content in segments), default=0))
        for start, content in segments:
            window[start & M32 : (start & M32) + len(content)] = content
        self.memory.lend(address, window)
        self.memory.lend(0, bytearray(_PAGE))
        return address

    # Results

    def contents(self, name: str) -> dict[Any, Any]:
        """A map's contents, keys and values decoded through their types (bytes where the object gives none).

        Struct keys are given as tuples of their fields, so that they can be looked up. A per-CPU value is a list.
        """
        a_map = self.maps[name]
        definition = a_map.definition
        decode_key = self._decoder(definition.key_type)
        decode_value = self._decoder(definition.value_type)
        found: dict[Any, Any] = {}
        for key, value in a_map.items():
            if definition.per_cpu:
                parts = [value[at : at + a_map.stride] for at in range(0, len(value), a_map.stride)]
                found[_hashable(decode_key(key))] = [decode_value(part) for part in parts]
            else:
                found[_hashable(decode_key(key))] = decode_value(value)
        return found

    def _decoder(self, type_id: int | None) -> Callable[[bytes], Any]:
        return bytes if type_id is None else Decoder(self.object.btf, type_id).decode

    def streams(self) -> dict[str, list[bytes]]:
        """What programs sent: ``ring:NAME``, ``perf:NAME``, and the lines of the trace pipe under ``trace``."""
        found: dict[str, list[bytes]] = {}
        for name, a_map in self.maps.items():
            if isinstance(a_map, RingBuffer):
                found[f"ring:{name}"] = list(a_map.records)
            elif isinstance(a_map, PerfEventArray):
                found[f"perf:{name}"] = [record for _, record in a_map.records]
        if self.runtime.trace:
            found["trace"] = [str(line).encode() for line in self.runtime.trace]
        return found

    def profile(self, name: str) -> Profile:
        """The counts of a program."""
        return self._loaded(name).profile

    def reset(self) -> None:
        """Empty maps, streams and counts; the clock goes on."""
        for a_map in self.maps.values():
            a_map.clear()
        self.runtime.trace.clear()
        self.runtime.signals.clear()
        self.runtime.redirects.clear()
        for loaded in self.programs.values():
            loaded.profile.reset()


_NOTHING: Final = Segments()
_NO_TASK: Final[Mapping[str, Any]] = {}
_PAGE: Final = 4096
_STOPPING: Final = (
    AccessError,
    ProgramError,
    SimulationError,
    KeyError,
    IndexError,
    ValueError,
    struct.error,
)


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(_hashable(part) for part in value.values())
    return tuple(_hashable(part) for part in value) if isinstance(value, list) else value
