# SPDX-License-Identifier: Apache-2.0
"""Runs a program's handlers on packets, in this machine's kernel and in the IR interpreter.

Both give `Traces`: for each run the value, the packet as it was left, and at the end every map's raw contents.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_int, c_void_p
from dataclasses import dataclass, field
from pathlib import Path

from loaded_objects import library, loaded

from harness.agent import bpf
from harness.agent.libbpf import SAMPLE, pointer_error
from harness.agent.maps import BpfMap, dump
from honey.ir import nodes as n
from honey.simulation.maps import KeyedMap, RingBuffer
from honey.simulator import Simulation

CPU = 0
ETHERNET = 14
"""Bytes that the kernel takes off the packet before a socket filter sees it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a handler; a socket filter cannot change the packet, and it is left out."""

    handler: str
    value: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class Trace:
    """What some runs led to: maps as sets of entries (key bytes, value bytes), ring buffers as lists of records."""

    runs: list[Run] = field(default_factory=list)
    maps: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    records: dict[str, list[bytes]] = field(default_factory=dict)


@contextmanager
def on_one_cpu() -> Iterator[None]:
    """This thread stays on the CPU whose per-CPU values are looked at."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CPU})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run_in_kernel(path: Path, events: Sequence[tuple[str, bytes]]) -> Trace:
    """The trace of ``events`` (handler, packet) through BPF_PROG_TEST_RUN."""
    trace = Trace()
    with loaded(path) as side, on_one_cpu():
        for handler, packet in events:
            program = side.programs[handler]
            done = bpf.run_packet(program.fd(), packet)
            trace.runs.append(Run(handler, done.retval, b"" if program.section == "socket" else done.data))
        for each in side.maps.values():
            if each.info.type == "ringbuf":
                trace.records[each.name] = _records(each)
            elif not each.name.startswith("."):
                trace.maps[each.name] = _entries(each)
    return trace


def _records(ring: BpfMap) -> list[bytes]:
    """What was sent to a ring buffer. The trace pipe is left alone: it is the whole machine's."""
    found: list[bytes] = []

    def sample(_context: int, data: int, size: int) -> int:
        found.append(ctypes.string_at(data, size))
        return 0

    callback = SAMPLE(sample)
    pointer = library().call("ring_buffer__new", c_int(ring.fd), callback, None, None)
    assert not pointer_error(pointer)
    library().call("ring_buffer__consume", c_void_p(pointer))
    library().call("ring_buffer__free", c_void_p(pointer))
    return found


def _entries(each: BpfMap) -> list[tuple[bytes, bytes]]:
    data = dump(each)
    step, key = each.entry_bytes, each.info.key_size
    size = each.info.value_size
    per_cpu = each.value_bytes != size or "percpu" in each.info.type
    start = (size + 7) // 8 * 8 * CPU if per_cpu else 0
    found = []
    for at in range(0, len(data), step):
        value = data[at + key + start : at + key + start + size]
        found.append((data[at : at + key], value))
    return sorted(found)


def run_in_simulator(program: n.Program, events: Sequence[tuple[str, bytes]]) -> Trace:
    """The same from the IR interpreter."""
    simulation = Simulation(program)
    kinds = {handler.name: handler.section.kind for handler in program.handlers if handler.section is not None}
    trace = Trace()
    for handler, packet in events:
        seen = packet[ETHERNET:] if kinds[handler] == "socket" else packet
        if kinds[handler] == "xdp":
            done = simulation.fire(handler, packet=seen)
        else:
            done = simulation.fire(handler, packet=seen, len=len(seen))
        trace.runs.append(Run(handler, done.value, b"" if kinds[handler] == "socket" else done.packet))
    for name, store in simulation.world.maps.items():
        if isinstance(store, KeyedMap):
            trace.maps[name] = sorted((key, values[0]) for key, values in store.items())
        elif isinstance(store, RingBuffer):
            trace.records[name] = store.consume()
    return trace


def can_load() -> str:
    """Why programs cannot be loaded here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return "the kernel has no BTF"
    return ""
