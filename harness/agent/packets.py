# SPDX-License-Identifier: Apache-2.0
"""Packets for programs that see packets: each frame of the workload goes through ``BPF_PROG_TEST_RUN``."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from harness.agent import bpf
from harness.agent.attach import PACKET_SECTIONS
from harness.agent.errors import AgentError
from harness.agent.libbpf import Program
from harness.agent.load import LoadedSide
from harness.agent.streams import Streams

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
) -> None:
    """Give every frame among ``events`` to every packet program; what came of it are records of ``packets:PROGRAM``.

    Each run is done within ``around(PROGRAM)``.
    """
    programs = [(side, program) for side in sides for program in packet_programs(side)]
    if not programs:
        return
    for event in events:
        if event.packet is None:
            continue
        for side, program in programs:
            records = streams.open(side.name, f"packets:{program.name}")
            records.extend(_runs(side, program, event, around))


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
