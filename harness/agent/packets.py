# SPDX-License-Identifier: Apache-2.0
"""Packets for programs that see packets: each frame of the workload goes through ``BPF_PROG_TEST_RUN``, or over a wire.

Which of them, the event says (``fields["wire"]``). Both give the same records. Where there can be no wire, for all
programs or for one frame, the frame goes through ``BPF_PROG_TEST_RUN`` after all.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from harness.agent import bpf
from harness.agent.attach import PACKET_SECTIONS
from harness.agent.costs import statistics
from harness.agent.errors import AgentError
from harness.agent.libbpf import Program
from harness.agent.load import LoadedSide
from harness.agent.streams import Streams
from harness.agent.wire import Wire, WireError

#: What a record of a packet stream begins with: the program's return value. The frame as it was left comes after it.
ACTION = struct.Struct("<i")


def packet_programs(side: LoadedSide) -> list[Program]:
    """The programs of a side that are given packets."""
    return [program for program in side.programs.values() if program.section.startswith(PACKET_SECTIONS)]


def feed(
    sides: Iterable[LoadedSide],
    events: Iterable[Any],
    streams: Streams,
    around: Callable[[str], AbstractContextManager[None]] = lambda _name: nullcontext(),
) -> list[str]:
    """Give every frame among ``events`` to every packet program; what came of it are records of ``packets:PROGRAM``.

    Each run is done within ``around(PROGRAM)``. Gives remarks on how the frames were carried.
    """
    programs = [(side, program) for side in sides for program in packet_programs(side)]
    frames = [event for event in events if event.packet is not None] if programs else []
    notes: list[str] = []
    with ExitStack() as release:
        wires = _wires(programs, release, notes) if any("wire" in event.fields for event in frames) else {}
        carried = 0
        for event in frames:
            for side, program in programs:
                records = streams.open(side.name, f"packets:{program.name}")
                wire = wires.get((side.name, program.name)) if "wire" in event.fields else None
                found = _carried(side, program, event, wire) if wire is not None else []
                carried += len(found)
                records.extend(found or _runs(side, program, event, around))
        if wires:
            notes.append(f"{carried // len(programs)} of {len(frames)} frames were sent over a wire (veth)")
    return notes


def _wires(
    programs: list[tuple[LoadedSide, Program]], release: ExitStack, notes: list[str]
) -> dict[tuple[str, str], Wire]:
    """A wire for each XDP program; none, and a remark, where there can be none."""
    wires: dict[tuple[str, str], Wire] = {}
    release.enter_context(statistics())
    try:
        for side, program in programs:
            if program.section.startswith("xdp"):
                wires[side.name, program.name] = wire = Wire(program.fd())
                release.callback(wire.close)
    except WireError as problem:
        notes.append(f"no frame was sent over a wire (veth): {problem}")
        return {}
    return wires


def _carried(side: LoadedSide, program: Program, event: Any, wire: Wire) -> list[bytes]:
    """The outcome of each repetition over a wire; nothing where it cannot carry the frame."""
    found = []
    for _ in range(event.count):
        try:
            run = wire.run(event.packet)
        except TimeoutError as problem:
            words = f"packet {event.seq} ({event.note}): {problem}"
            raise AgentError("wire", words, side=side.name, program=program.name) from problem
        if run is None:
            return []
        action, frame = run
        found.append(ACTION.pack(action) + frame)
    return found


def _runs(
    side: LoadedSide, program: Program, event: Any, around: Callable[[str], AbstractContextManager[None]]
) -> Iterator[bytes]:
    """The outcome of each repetition. Repeating is not left to the kernel, which would go on with the changed frame."""
    for _ in range(event.count):
        try:
            with around(program.name):
                run = bpf.run_packet(program.fd(), event.packet)
        except OSError as problem:
            words = f"packet {event.seq} ({event.note}): {os.strerror(problem.errno or 0)}"
            raise AgentError("test run", words, side=side.name, program=program.name) from problem
        yield ACTION.pack(run.retval) + run.data
