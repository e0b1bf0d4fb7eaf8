# SPDX-License-Identifier: Apache-2.0
"""Plays a plan of system calls: starts its actors, gives each its turns in order, and sees that none is left."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workloads.actor import DOCUMENT, ERROR, FRAME_HEADER, HELD_SIGNALS, ORDER, Line, frame_header, live
from workloads.base import DriveError
from workloads.calls import CallPlan, Identity, Turn
from workloads.kernel_calls import describe
from workloads.recorder import Recorder

_FAREWELL_S = 2.0
_NOBODY = Identity(0, ())


def play(plan: CallPlan, recorder: Recorder, *, time_limit_s: float) -> None:
    """Do what ``plan`` says and record it. All actors have ended when this returns or raises :class:`DriveError`."""
    deadline = time.monotonic() + time_limit_s
    cast: list[_Player] = []
    try:
        _engage(plan, cast, recorder, deadline)
        for number, turn in enumerate(plan.turns):
            player = cast[turn.actor]
            results = player.take(number, turn, deadline)
            recorder.add(plan.turn_events(turn, player.identity, results, len(recorder.events)))
            recorder.deviations.extend(_deviations(plan, turn, results))
        for player in cast:
            player.leave()
    finally:
        for player in cast:
            player.end()


@dataclass(slots=True)
class _Player:
    """The parent's side of an actor."""

    name: str
    pid: int
    lines: tuple[Line, ...]  # seen from here: orders to write, results to read
    identity: Identity = _NOBODY

    def take(self, number: int, turn: Turn, deadline: float) -> tuple[int, ...]:
        """Order a turn and wait for its return values."""
        line = self.lines[turn.thread]
        try:
            os.write(line.orders, ORDER.pack(number))
        except BrokenPipeError:
            raise DriveError(f"{self.name} {self._fate()} before turn {number}") from None
        _, payload = self.receive(turn.thread, f"turn {number} ({_first_note(turn)})", deadline)
        return struct.unpack(f"={len(payload) // 8}q", payload)

    def receive(self, thread: int, what: str, deadline: float) -> tuple[int, bytes]:
        """The next frame from a thread. Raises :class:`DriveError` where it tells of an error, ends, or is late."""
        fd = self.lines[thread].results
        kind, length = frame_header(self._read(fd, FRAME_HEADER, what, deadline))
        payload = self._read(fd, length, what, deadline)
        if kind == ERROR:
            raise DriveError(f"{self.name}, {what}: {payload.decode()}")
        return kind, payload

    def _read(self, fd: int, length: int, what: str, deadline: float) -> bytes:
        data = b""
        while len(data) < length:
            if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise DriveError(f"{self.name} did not finish {what} in time")
            part = os.read(fd, length - len(data))
            if not part:
                raise DriveError(f"{self.name} {self._fate()} in {what}")
            data += part
        return data

    def _fate(self) -> str:
        """How the process ended, in words; it is reaped if it has."""
        if self.pid and _reap(self.pid, _FAREWELL_S) is not None:
            self.pid = 0
        return "has gone on without its pipe" if self.pid else "ended"

    def leave(self) -> None:
        """Let the process end by itself: nobody will order anything any more."""
        self._close()
        if self.pid and _reap(self.pid, _FAREWELL_S) is not None:
            self.pid = 0

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._close()
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            _reap(self.pid, None)
            self.pid = 0

    def _close(self) -> None:
        _close_all(self.lines)
        self.lines = ()


def _reap(pid: int, patience_s: float | None) -> int | None:
    """Wait for a child; gives its status, or None where it still runs after ``patience_s`` (None: for ever)."""
    until = time.monotonic() + (patience_s or 0)
    while True:
        try:
            done, status = os.waitpid(pid, 0 if patience_s is None else os.WNOHANG)
        except ChildProcessError:
            return 0
        if done:
            return status
        if time.monotonic() >= until:
            return None
        time.sleep(0.001)


def _engage(plan: CallPlan, cast: list[_Player], recorder: Recorder, deadline: float) -> None:
    """Start all actors, one after the other, into ``cast``."""
    network_of = 0 if plan.own_network else -1
    for index, actor in enumerate(plan.actors):
        # A signal's exception between the two would leave a process that nobody knows of.
        with _signals_held():
            player = _fork(plan, index, network_of)
            cast.append(player)
        kind, payload = player.receive(0, "its start", deadline)
        if kind != DOCUMENT:
            raise DriveError(f"{actor.name} did not introduce itself")
        hello = json.loads(payload)
        player.identity = Identity(hello["pid"], tuple(hello["tids"]))
        recorder.pids.append(hello["pid"])
        recorder.notes.extend(f"{actor.name}: {note}" for note in hello["notes"])
        if network_of == 0:
            network_of = player.pid


def _fork(plan: CallPlan, index: int, network_of: int) -> _Player:
    ours: list[Line] = []
    theirs: list[Line] = []
    for _ in plan.actors[index].threads:
        order_out, order_in = os.pipe()
        result_out, result_in = os.pipe()
        ours.append(Line(order_in, result_out))
        theirs.append(Line(order_out, result_in))
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        _close_all((*ours, *theirs))
        raise DriveError(f"no process for {plan.actors[index].name}: {error.strerror}") from error
    if pid == 0:
        live(plan, index, tuple(theirs), parent, network_of)
    _close_all(theirs)
    return _Player(plan.actors[index].name, pid, tuple(ours))


def _close_all(lines: Iterable[Line]) -> None:
    for line in lines:
        os.close(line.orders)
        os.close(line.results)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that people send wait until the block is done. A process forked inside has to let them through itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _deviations(plan: CallPlan, turn: Turn, results: tuple[int, ...]) -> Iterator[str]:
    for call, ret in zip(turn.calls, results, strict=True):
        as_planned = ret >= 0 if call.ret is None else ret == call.ret
        if not as_planned:
            wanted = "success" if call.ret is None else describe(call.ret)
            what = f" ({call.note})" if call.note else ""
            yield f"{plan.actors[turn.actor].name}: {call.name}{what} returned {describe(ret)}, not {wanted}"


def _first_note(turn: Turn) -> str:
    return next((call.note for call in turn.calls if call.note), turn.calls[0].name if turn.calls else "nothing")
