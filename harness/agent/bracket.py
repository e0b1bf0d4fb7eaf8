# SPDX-License-Identifier: Apache-2.0
"""Two programs around one on a tracepoint: the first reads the hardware counters, the second adds up the differences.

The programs of a tracepoint run one after the other in the order in which they were attached
(``kernel/trace/bpf_trace.c``, ``trace_call_bpf``). So what lies between the two readings is the program under test, and
the reading itself: a constant that an empty program in its place shows.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from harness.agent import bpf
from harness.agent.create import create_map, load_program
from harness.agent.perf import COUNTERS, NoCounters, attach_tracepoint, attached

_LD_IMM64, _LOAD, _STORE, _STORE_IMM = 0x18, 0x79, 0x7B, 0x7A
_ADD, _SUB, _ADD_IMM, _MOV, _MOV_IMM = 0x0F, 0x1F, 0x07, 0xBF, 0xB7
_IF, _IF_NOT, _CALL, _EXIT = 0x15, 0x55, 0x85, 0x95
_READ_VALUE = 55  # BPF_FUNC_perf_event_read_value
_MAP_FD, _MAP_VALUE = 1, 2  # BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE
_FRAME = 10
_READING = 24  # sizeof(struct bpf_perf_event_value)
_NUMBER = len(COUNTERS)
_TRIES = 20
#: A tally: what each counter stood at, what each has summed up to, the runs, and whether a run has begun.
_TALLY = struct.Struct(f"<{_NUMBER}Q{_NUMBER}QQQ")
_SUM, _RUNS, _BEGUN = 8 * _NUMBER, 16 * _NUMBER, 16 * _NUMBER + 8


@dataclass(frozen=True, slots=True)
class Bracket:
    """The two programs, loaded, and the map they add up in, as file descriptors."""

    before: int
    after: int
    tally: int

    def sums(self) -> tuple[int, tuple[int, ...]]:
        """How many runs there were between the two, and what each of :data:`COUNTERS` came to in them."""
        value = _TALLY.unpack(bpf.lookup(self.tally, bytes(4), _TALLY.size) or bytes(_TALLY.size))
        return value[2 * _NUMBER], value[_NUMBER : 2 * _NUMBER]

    def attach(
        self, hook: tuple[str, str], program: int, attach: Callable[[ExitStack], None], release: ExitStack
    ) -> None:
        """Attach the first to the tracepoint ``hook``, with ``attach`` the ``program`` under test, then the second.

        Others may come in between, as anybody can attach to a tracepoint: then it is done again. Raises
        :class:`NoCounters` where that never ends, or where the kernel will not.
        """
        wanted = tuple(bpf.program_info(fd).id for fd in (self.before, program, self.after))
        try:
            for _ in range(_TRIES):
                with ExitStack() as trial:
                    event = attach_tracepoint(self.before, *hook, trial)
                    attach(trial)
                    attach_tracepoint(self.after, *hook, trial)
                    there = attached(event)
                    if any(there[at : at + 3] == wanted for at in range(len(there))):
                        release.push(trial.pop_all())
                        return
        except OSError as problem:
            raise NoCounters(f"the programs that read counters cannot be attached ({problem.strerror})") from problem
        raise NoCounters(f"other programs are attached to {':'.join(hook)} all the time")


def make_bracket(counters: list[int], release: ExitStack) -> Bracket:
    """A bracket that reads ``counters``, which count on one CPU; runs on others are left out.

    ``release`` unloads it. Raises :class:`NoCounters` where the kernel does not have what it takes.
    """
    try:
        events = _make_map("perf_event_array", 4, _NUMBER, release)
        for index, fd in enumerate(counters):
            bpf.update(events, struct.pack("<I", index), struct.pack("<I", fd))
        tally = _make_map("array", _TALLY.size, 1, release)
        return Bracket(_load(_at_start(events, tally), release), _load(_at_end(events, tally), release), tally)
    except OSError as problem:
        raise NoCounters(f"this kernel cannot read hardware counters in programs ({problem.strerror})") from problem


def _make_map(kind: str, value_size: int, entries: int, release: ExitStack) -> int:
    fd = create_map(kind, 4, value_size, entries)
    release.callback(os.close, fd)
    return fd


def _load(code: bytes, release: ExitStack) -> int:
    fd = load_program("tracepoint", code)
    release.callback(os.close, fd)
    return fd


def _at_start(events: int, tally: int) -> bytes:
    """Notes what the counters stand at. On another CPU they cannot be read: the end."""
    code = _address(6, tally, _MAP_VALUE)
    for index in range(_NUMBER):
        code += _reading(events, index, -_READING)
        code += _insn(_LOAD, 1, _FRAME, -_READING) + _insn(_STORE, 6, 1, 8 * index)
    return code + _insn(_STORE_IMM, 6, off=_BEGUN, imm=1) + _leave()


def _at_end(events: int, tally: int) -> bytes:
    """Adds what the counters have advanced by."""
    code = b""
    for index in reversed(range(_NUMBER)):
        code += _reading(events, index, -_READING * (index + 1))
    code += _address(6, tally, _MAP_VALUE)
    code += _insn(_LOAD, 1, 6, _BEGUN) + _insn(_IF_NOT, 1, off=2) + _leave()
    code += _insn(_STORE_IMM, 6, off=_BEGUN, imm=0)
    for index in range(_NUMBER):
        code += _insn(_LOAD, 1, _FRAME, -_READING * (index + 1)) + _insn(_LOAD, 2, 6, 8 * index) + _insn(_SUB, 1, 2)
        code += _add_to(_SUM + 8 * index)
    return code + _insn(_MOV_IMM, 1, imm=1) + _add_to(_RUNS) + _leave()


def _reading(events: int, index: int, place: int) -> bytes:
    """A counter's reading on the stack at ``place``; where there is none, the end."""
    code = _address(1, events, _MAP_FD) + _insn(_MOV_IMM, 2, imm=index)
    code += _insn(_MOV, 3, _FRAME) + _insn(_ADD_IMM, 3, imm=place) + _insn(_MOV_IMM, 4, imm=_READING)
    return code + _insn(_CALL, imm=_READ_VALUE) + _insn(_IF, 0, off=2) + _leave()


def _add_to(field: int) -> bytes:
    """Adds register 1 to a field of the tally."""
    return _insn(_LOAD, 2, 6, field) + _insn(_ADD, 2, 1) + _insn(_STORE, 6, 2, field)


def _address(register: int, fd: int, kind: int) -> bytes:
    return _insn(_LD_IMM64, register, kind, imm=fd) + _insn(0)


def _leave() -> bytes:
    return _insn(_MOV_IMM) + _insn(_EXIT)


def _insn(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)
