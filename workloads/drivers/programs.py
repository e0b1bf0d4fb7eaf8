# SPDX-License-Identifier: Apache-2.0
"""Programs that are executed: tiny ones of our own, under all kinds of names, and some that cannot be.

Option ``rounds`` (3): how often each kind comes. Option ``events`` (0): for costs, as many of the ordinary kind.
"""

from __future__ import annotations

import os
import platform
import random
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from workloads.base import DriveError
from workloads.events import Event
from workloads.options import read_options
from workloads.recorder import Recorder

HOOK: Final = "sched/sched_process_exec"
_COMM = 15
#: Where the programs lie as long as nothing is really executed.
_NOWHERE = "/tmp/programs"
_INTERPRETER = "interpreter"

#: exit(0) in machine code, and ``e_machine``.
_EXITS: Final = {
    "x86_64": (62, bytes.fromhex("31ffb83c0000000f05")),
    "aarch64": (183, bytes.fromhex("000080d2a80b80d2010000d4")),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    rounds: int = 3
    events: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A program called ``name``: a ``binary``, a ``script``, or one that is ``missing``, ``locked`` or ``garbage``."""

    name: str
    kind: str

    @property
    def runs(self) -> bool:
        """Whether it can be executed."""
        return self.kind in {"binary", "script"}


@dataclass(frozen=True, slots=True)
class ProgramPlan:
    """Programs in the order in which they are executed."""

    steps: tuple[Step, ...]

    def events(self) -> Iterator[Event]:
        """The events under made-up process ids and in a made-up folder."""
        for number, step in enumerate(step for step in self.steps if step.runs):
            yield execution(number, 1_000_000 + number, f"{_NOWHERE}/{step.name}", step.kind)


@dataclass(frozen=True, slots=True)
class Programs:
    """The workload ``programs``."""

    name: str = "programs"

    def plan(self, seed: int, options: Mapping[str, Any]) -> ProgramPlan:
        """What will be executed. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        if chosen.events:
            return ProgramPlan((Step("ordinary", "binary"),) * chosen.events)
        chance = random.Random(seed)
        steps = [step for number in range(chosen.rounds) for step in _kinds(number, chance)]
        chance.shuffle(steps)
        return ProgramPlan(tuple(steps))

    def drive(self, plan: ProgramPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Execute them, one after the other. Raises :class:`workloads.base.DriveError` if that is not possible."""
        del time_limit_s
        folder = Path(tempfile.mkdtemp(prefix="p-"))
        try:
            for step in {step.name: step for step in (*plan.steps, Step(_INTERPRETER, "binary"))}.values():
                _make(folder, step)
            recorder.ready({})
            for step in plan.steps:
                _execute(folder, step, recorder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def execution(number: int, pid: int, path: str, note: str) -> Event:
    """The event of a program that was executed."""
    fields = {"filename": path, "pid": pid, "old_pid": pid}
    comm = Path(path).name[:_COMM]
    return Event(seq=number, hook=HOOK, pid=pid, tid=pid, fields=fields, actor=f"{number}", comm=comm, note=note)


def _kinds(number: int, chance: random.Random) -> list[Step]:
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word(size: int) -> str:
        return "".join(chance.choices(letters, k=size))

    return [
        Step(f"b{number}", "binary"),
        Step(f"binary-{number}-{word(5)}", "binary"),
        Step(f"{number}{word(14)}", "binary"),  # as long as a command name may be
        Step(f"{number}{word(15)}", "binary"),  # one longer
        Step(f"{number}{word(100)}", "binary"),
        Step(f"{number}{word(200)}", "binary"),  # longer than the programs keep
        Step(f"with space {number}", "binary"),
        Step(f"script-{number}", "script"),
        Step(f"missing-{number}", "missing"),
        Step(f"locked-{number}", "locked"),
        Step(f"garbage-{number}", "garbage"),
    ]


def _make(folder: Path, step: Step) -> None:
    if step.kind == "missing":
        return
    contents = {"script": f"#!{folder / _INTERPRETER}\n".encode(), "garbage": b"no program at all"}
    path = folder / step.name
    path.write_bytes(contents.get(step.kind) or tiny_program())
    path.chmod(0o600 if step.kind == "locked" else 0o700)


def tiny_program() -> bytes:
    """A static ELF program that ends at once, for this machine. Raises :class:`DriveError` for an unknown one."""
    if platform.machine() not in _EXITS:
        raise DriveError(f"there is no tiny program for {platform.machine()}")
    machine, code = _EXITS[platform.machine()]
    place, headers = 0x400000, 64 + 56
    size = headers + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, place + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, place, place, size, size, 0x1000) + code


def _execute(folder: Path, step: Step, recorder: Recorder) -> None:
    path = str(folder / step.name)
    try:
        pid = os.posix_spawn(path, [path], {})
    except OSError as error:
        if step.runs:
            raise DriveError(f"{step.kind} {step.name} cannot be executed: {error.strerror}") from error
        return
    os.waitpid(pid, 0)
    recorder.pids.append(pid)
    if not step.runs:
        recorder.deviations.append(f"{step.kind} {step.name} was executed all the same")
    recorder.add([execution(len(recorder.events), pid, path, step.kind)])


WORKLOAD = Programs()
