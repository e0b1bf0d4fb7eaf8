# SPDX-License-Identifier: Apache-2.0
"""Reads and writes of files: read, write, pread64, pwrite64, readv and writev, those that fail among them.

=========== ==== ======================================================================
``rounds``  120  calls of two processes, chosen by the seed, besides the special cases
``events``  0    for costs: as many of each call; then nothing else is done
=========== ==== ======================================================================
"""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.script import Lane, Script
from workloads.options import read_options
from workloads.recorder import Recorder

HOOKS: Final = frozenset({"read", "write", "pread64", "pwrite64", "readv", "writev"})
_EBADF, _EFAULT, _EINVAL = -9, -14, -22
_NO_FILE: Final = 999
_FILE_SIZE: Final = 32_768
_AT_FDCWD: Final = -100
_CLOCK_MONOTONIC: Final = 1
_READ_WRITE: Final = 2
#: Inside a thread's area: names and times, vectors.
_NAME, _VECTORS = 0x000, 0x400
#: How long a read of the timer waits.
WAIT_NS: Final = 30_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    rounds: int = 120
    events: int = 0


@dataclass(frozen=True, slots=True)
class Files:
    """The workload ``files``."""

    name: str = "files"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        script = Script(hooks=HOOKS)
        chance = random.Random(seed)
        lanes = [*script.actor("files", "files-2"), *script.actor("other")]
        if chosen.events:
            _costs(_Desk(lanes[0]), chosen.events)
        else:
            desks = [_Desk(lane) for lane in lanes]
            _special_cases(desks[0])
            for _ in range(chosen.rounds):
                _anything(chance.choice(desks), chance)
            _special_cases(desks[2])
        return script.plan()

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


class _Desk:
    """A thread with a file of its own, of known size and position."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.file = lane.new_fd()
        self.at = 0
        name = [(lane.base + _NAME, b"file\0")]
        lane.call("memfd_create", lane.base + _NAME, 0, into=self.file, memory=name)
        lane.call("pwrite64", self.file, lane.buffer, _FILE_SIZE, 0, ret=_FILE_SIZE, note="all of the file")

    def open(self, path: str) -> int:
        """Open a device."""
        fd, lane = self.lane.new_fd(), self.lane
        name = [(lane.base + _NAME, path.encode() + b"\0")]
        lane.call("openat", _AT_FDCWD, lane.base + _NAME, _READ_WRITE, into=fd, memory=name)
        return fd

    def timer(self) -> int:
        """A timer that goes off once, :data:`WAIT_NS` from when it is set."""
        fd, lane = self.lane.new_fd(), self.lane
        lane.call("timerfd_create", _CLOCK_MONOTONIC, 0, into=fd)
        times = [(lane.base + _NAME, struct.pack("=qqqq", 0, 0, 0, WAIT_NS))]
        lane.call("timerfd_settime", fd, 0, lane.base + _NAME, 0, memory=times)
        return fd

    def seek(self, at: int) -> None:
        """Go to a position in the file."""
        self.at = at
        self.lane.call("lseek", self.file, at, 0)

    def read(self, size: int) -> None:
        """Read at the position."""
        got = min(size, _FILE_SIZE - self.at)
        self.lane.call("read", self.file, self.lane.buffer, size, ret=got, note="at the position")
        self.at += got

    def write(self, size: int) -> None:
        """Write at the position."""
        self.lane.call("write", self.file, self.lane.buffer, size, ret=size, note="at the position")
        self.at += size

    def vector(
        self, name: str, sizes: Sequence[int], ret: int, note: str, *, fd: int | None = None, count: int = 1
    ) -> None:
        """``readv`` or ``writev`` of buffers one after the other."""
        lane, at, vectors = self.lane, self.lane.buffer, b""
        for size in sizes:
            vectors += struct.pack("=QQ", at, size)
            at += size
        memory = [(lane.base + _VECTORS, vectors)] if vectors else []
        args = (self.file if fd is None else fd, lane.base + _VECTORS, len(sizes))
        lane.call(name, *args, ret=ret, note=note, memory=memory, count=count)


def _special_cases(desk: _Desk) -> None:
    lane, buffer = desk.lane, desk.lane.buffer
    for name in ("read", "write"):
        lane.call(name, desk.file, buffer, 0, ret=0, note="nothing")
        lane.call(name, _NO_FILE, buffer, 16, ret=_EBADF, note="no file")
        lane.call(name, desk.file, lane.unmapped, 16, ret=_EFAULT, note="no memory")
        lane.call(f"p{name}64", desk.file, buffer, 100, -1, ret=_EINVAL, note="before the beginning")
        lane.call(f"p{name}64", _NO_FILE, buffer, 100, 0, ret=_EBADF, note="no file")
        desk.vector(f"{name}v", [], 0, "no buffers")
        lane.call(f"{name}v", desk.file, lane.base + _VECTORS, -1, ret=_EINVAL, note="fewer than no buffers")
    lane.call("pread64", desk.file, buffer, 100, _FILE_SIZE, ret=0, note="at the end")
    lane.call("pread64", desk.file, buffer, 100, _FILE_SIZE - 30, ret=30, note="across the end")
    desk.vector("readv", [10, 0, 20, 30], 60, "several buffers, one empty")
    desk.vector("writev", [1, 2, 3], 6, "several small buffers")
    desk.seek(0)
    null, zero = desk.open("/dev/null"), desk.open("/dev/zero")
    lane.call("write", null, buffer, 5000, ret=5000, note="into nothing")
    lane.call("read", null, buffer, 5000, ret=0, note="from nothing")
    lane.call("read", zero, buffer, 5000, ret=5000, count=10, note="zeros")
    desk.vector("readv", [100, 200], 300, "zeros", fd=zero)
    lane.call("read", desk.timer(), buffer, 8, ret=8, note="after waiting")


def _anything(desk: _Desk, chance: random.Random) -> None:
    lane, size = desk.lane, chance.choice((1, 13, 512, 4096, chance.randrange(1, 9000)))
    place = chance.randrange(_FILE_SIZE - 9000)
    kind = chance.randrange(6)
    if kind < 2 and desk.at > _FILE_SIZE - 9000:
        desk.seek(place)
    if kind == 0:
        desk.read(size)
    elif kind == 1:
        desk.write(size)
    elif kind < 4:
        name = ("pread64", "pwrite64")[kind - 2]
        lane.call(name, desk.file, lane.buffer, size, place, ret=size, count=chance.choice((1, 1, 4)), note="anywhere")
    else:
        sizes = [chance.randrange(1, 500) for _ in range(chance.randint(1, 8))]
        if desk.at > _FILE_SIZE - 9000:
            desk.seek(place)
        desk.vector(("readv", "writev")[kind - 4], sizes, sum(sizes), "at the position")
        desk.at += sum(sizes)


def _costs(desk: _Desk, events: int) -> None:
    """The calls that leave no position behind, from and into devices that cost least."""
    lane, buffer = desk.lane, desk.lane.buffer
    null, zero = desk.open("/dev/null"), desk.open("/dev/zero")
    for _ in range(events // 50):
        lane.call("read", zero, buffer, 64, ret=64, count=50, note="cost")
        lane.call("write", null, buffer, 64, ret=64, count=50, note="cost")
        lane.call("pread64", desk.file, buffer, 64, 0, ret=64, count=50, note="cost")
        lane.call("pwrite64", desk.file, buffer, 64, 0, ret=64, count=50, note="cost")
        desk.vector("readv", [32, 32], 64, "cost", fd=zero, count=50)
        desk.vector("writev", [32, 32], 64, "cost", fd=null, count=50)


WORKLOAD = Files()
