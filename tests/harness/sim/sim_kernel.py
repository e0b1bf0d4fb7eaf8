# SPDX-License-Identifier: Apache-2.0
"""Raw eBPF programs, on the machine's own kernel and on the simulator alike."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness.agent.bpf import PROGRAM_TYPES, PacketRun, run_packet
from harness.agent.create import load_program
from harness.agent.load import LoadedSide
from harness.agent.maps import dump
from harness.objects import BpfObject, Btf, Insn, Program
from harness.sim import Machine

SOCKET_FILTER, SCHED_CLS, XDP = 1, 3, 6
SECTIONS = {SOCKET_FILTER: "socket", SCHED_CLS: "tc", XDP: "xdp"}
_EMPTY_BTF = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 1) + b"\0"


def usable() -> bool:
    """Whether eBPF programs can be loaded here."""
    try:
        with loaded(SOCKET_FILTER, [Insn(0xB7, 0, 0, 0, 0), Insn(0x95, 0, 0, 0, 0)]):
            return True
    except OSError:
        return False


@contextmanager
def loaded(kind: int, insns: Sequence[Insn]) -> Iterator[int]:
    """A file descriptor of the program while the block lasts."""
    fd = load_program(PROGRAM_TYPES[kind], b"".join(insn.pack() for insn in insns), log_bytes=1 << 16)
    try:
        yield fd
    finally:
        os.close(fd)


def simulated(kind: int, insns: Sequence[Insn]) -> Machine:
    """A machine with the one program ``main``."""
    code = b"".join(insn.pack() for insn in insns)
    program = Program("main", SECTIONS[kind], 0, code)
    functions = {"main": program}
    obj = BpfObject("", "GPL", Btf(_EMPTY_BTF), functions, functions, {}, {})
    return Machine(obj)


class Side:
    """An object in the machine's own kernel."""

    def __init__(self, side: LoadedSide) -> None:
        self.loaded = side

    def run(self, program: str, packet: bytes) -> PacketRun:
        """Run a packet program on one frame."""
        return run_packet(self.loaded.programs[program].fd(), packet, room=4096)

    def items(self, name: str) -> dict[bytes, bytes]:
        """A map's entries."""
        found = self.loaded.maps[name]
        raw = dump(found)
        size, key = found.entry_bytes, found.info.key_size
        return {raw[at : at + key]: raw[at + key : at + size] for at in range(0, len(raw), size)}
