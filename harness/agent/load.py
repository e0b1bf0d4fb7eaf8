# SPDX-License-Identifier: Apache-2.0
"""Loading a side's object, and what the verifier and the JIT made of its programs."""

from __future__ import annotations

import ctypes
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.agent import bpf
from harness.agent.errors import AgentError
from harness.agent.libbpf import Libbpf, Object, Program
from harness.agent.maps import BpfMap, describe

#: ``BPF_LOG_STATS``: only the closing lines (time, stack depth, ``processed N insns``), also when all is well.
_LOG_STATS = 4
_STATS_ROOM = 1 << 16
_OWN_ERRORS = 4000  # libbpf before 1.0: 4007 is "the verifier refused it"
_OLD_LOG = "verifier log:"
_PROCESSED = re.compile(r"processed (\d+) insns.*?total_states (\d+) peak_states (\d+)")
_STACK = re.compile(r"^stack depth ([\d+]+)", re.MULTILINE)
_TIME = re.compile(r"^verification time (\d+) usec", re.MULTILINE)
_LOG = re.compile(
    r"-- BEGIN (?:PROG LOAD|DUMP) LOG -+\n(?:libbpf: )?(?P<log>.*?)(?:libbpf: )?(?:prog '[^']+': )?-- END", re.DOTALL
)
_FAILED = re.compile(r"prog '(?P<new>[^']+)': (?:BPF program load failed|failed to load)|load program '(?P<old>[^']+)'")


@dataclass(frozen=True, slots=True)
class ProgramSizes:
    """What loading showed of one program; ``None`` where this kernel or libbpf cannot say.

    ``stack_bytes`` is the sum over the program and its subprograms, ``load_ns`` what the verifier says it took
    (to the microsecond).
    """

    xlated_insns: int
    jited_bytes: int
    stack_bytes: int | None
    verified_insns: int | None
    peak_states: int | None
    total_states: int | None
    load_ns: int | None

    def document(self) -> dict[str, Any]:
        """As it stands in ``result.json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LoadedSide:
    """A side whose programs and maps are in the kernel."""

    name: str
    object: Object
    programs: dict[str, Program]
    sizes: dict[str, ProgramSizes]
    maps: dict[str, BpfMap]
    load_s: float

    def close(self) -> None:
        """Unload everything."""
        self.object.close()


def load_side(library: Libbpf, name: str, path: Path, *, pin_root: str, cpus: int) -> LoadedSide:
    """Load the object at ``path``; an :class:`AgentError` carries the verifier's log of the program that failed."""
    opened = library.open(str(path), object_name(name), pin_root)
    try:
        logs = {}
        for program in opened.programs():
            buffer = ctypes.create_string_buffer(_STATS_ROOM)
            if program.log_to(buffer, _LOG_STATS):
                logs[program.name] = buffer
        library.messages()
        started = time.perf_counter()
        old = not logs and library.has("bpf_object__load_xattr")
        code = opened.load_logging(_LOG_STATS) if old else opened.load()
        load_s = time.perf_counter() - started
        if code == 0:
            programs = {program.name: program for program in opened.programs() if program.fd() >= 0}
            texts = {key: buffer.value.decode(errors="replace") for key, buffer in logs.items()}
            if old:  # one log a program, in the object's order
                texts = dict(zip(programs, library.messages().split(_OLD_LOG)[1:], strict=False))
            sizes = {key: _sizes(program.fd(), texts.get(key, "")) for key, program in programs.items()}
            maps = {key: describe(key, fd, cpus) for key, fd in opened.maps() if fd >= 0}
            return LoadedSide(name, opened, programs, sizes, maps, load_s)
    except BaseException:
        opened.close()
        raise
    opened.close()
    raise _load_error(library, name, path, pin_root, code)


def object_name(side: str) -> str:
    """The name given to libbpf: letters, digits and underscores, short enough for the kernel's 16 bytes."""
    return re.sub(r"\W", "_", side)[:15]


def read_log(log: str) -> dict[str, int]:
    """The figures in a verifier log with statistics; what is not there is left out."""
    found: dict[str, int] = {}
    if match := _PROCESSED.search(log):
        found |= zip(("verified_insns", "total_states", "peak_states"), map(int, match.groups()), strict=True)
    if match := _STACK.search(log):
        found["stack_bytes"] = sum(int(part) for part in match[1].split("+") if part)
    if match := _TIME.search(log):
        found["load_ns"] = int(match[1]) * 1000
    return found


def _sizes(fd: int, log: str) -> ProgramSizes:
    info = bpf.program_info(fd)
    read = read_log(log)
    return ProgramSizes(
        xlated_insns=info.xlated_insns,
        jited_bytes=info.jited_bytes,
        stack_bytes=read.get("stack_bytes"),
        verified_insns=info.verified_insns if info.verified_insns is not None else read.get("verified_insns"),
        peak_states=read.get("peak_states"),
        total_states=read.get("total_states"),
        load_ns=read.get("load_ns"),
    )


def _load_error(library: Libbpf, side: str, path: Path, pin_root: str, code: int) -> AgentError:
    """Load once more without log buffers of our own: then libbpf itself asks for the full log and prints it."""
    first = library.messages()
    again = library.open(str(path), object_name(side), pin_root)
    try:
        again.load()
        words = library.messages() or first
    finally:
        again.close()
    log, program = _LOG.search(words), _FAILED.search(words)
    reason = os.strerror(code) if code < _OWN_ERRORS else f"libbpf's error {code}"
    return AgentError(
        "load",
        f"the kernel refused it: {reason}",
        side=side,
        program=(program["new"] or program["old"]) if program else "",
        log=log["log"] if log else words,
    )
