# SPDX-License-Identifier: Apache-2.0
"""Plays a plan of system calls: starts its actors, gives each its turns in order, and sees that none is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workloads.actor import DOCUMENT, ERROR, HELD_SIGNALS, live
from workloads.base import DriveError
from workloads.calls import CallPlan, Identity, Result, Turn
from workloads.channel import Channel
from workloads.events import Event
from workloads.kernel_calls import LIFE, describe
from workloads.recorder import Recorder

_FAREWELL_S = 2.0
#: Between two looks at whether a silent actor still lives.
_GLANCE_S = 0.1
_LEAST_ROOM = 4096
_CPUCLOCK_SCHED = 2
_NOBODY = Identity(0, ())


def play(plan: CallPlan, recorder: Recorder, *, time_limit_s: float) -> None:
    """Do what ``plan`` says and record it. All actors have ended when this returns or raises :class:`DriveError`."""
    deadline = time.monotonic() + time_limit_s
    cast: list[_Player] = []
    try:
        _engage(plan, cast, recorder, deadline)
        _settle(cast, deadline)
        for player in cast:
            player.begin()
        recorder.ready({actor.name: player.pid for actor, player in zip(plan.actors, cast, strict=True)})
        for number, turn in enumerate(plan.turns):
            player = cast[turn.actor]
            results = player.take(number, turn, deadline)
            recorder.add(plan.turn_events(turn, player.identity, results, len(recorder.events)))
            recorder.deviations.extend(_deviations(plan, turn, results))
        for player in cast:
            player.leave()
        if LIFE in plan.hooks:
            recorder.add(_lives(plan, cast, len(recorder.events)))
    finally:
        for player in cast:
            player.end()


@dataclass(slots=True)
class _Player:
    """The parent's side of an actor."""

    name: str
    pid: int
    channels: tuple[Channel, ...]
    identity: Identity = _NOBODY
    start_ns: int = 0
    cpu_ns: int = 0

    def take(self, number: int, turn: Turn, deadline: float) -> tuple[Result, ...]:
        """Order a turn and wait for its results."""
        self.channels[turn.thread].order(number)
        _, payload = self.receive(turn.thread, f"turn {number} ({_first_note(turn)})", deadline)
        return turn.unpack(payload)

    def receive(self, thread: int, what: str, deadline: float) -> tuple[int, bytes]:
        """A thread's answer. Raises :class:`DriveError` where it tells of an error, ends, or is late."""
        while (answer := self.channels[thread].answer(min(_GLANCE_S, deadline - time.monotonic()))) is None:
            if self._has_ended():
                raise DriveError(f"{self.name} ended in {what}")
            if time.monotonic() >= deadline:
                raise DriveError(f"{self.name} did not finish {what} in time")
        kind, payload = answer
        if kind == ERROR:
            raise DriveError(f"{self.name}, {what}: {payload.decode()}")
        return kind, payload

    def _has_ended(self) -> bool:
        """Whether the process is gone; it is reaped if it is."""
        self._reap(0)
        return self.pid == 0

    def begin(self) -> None:
        """What counts begins now: the process's CPU time so far is that of its start."""
        # A clock of another process: CPUCLOCK_SCHED of its threads together, include/linux/posix-timers_types.h.
        self.start_ns = time.clock_gettime_ns(~self.pid << 3 | _CPUCLOCK_SCHED)

    def rests(self) -> bool:
        """Whether all threads sleep, waiting for their turns."""
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(
            stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] == "S" for stat in stats
        )

    def leave(self) -> None:
        """Let the process end by itself: nobody will order anything any more."""
        self._dismiss()
        self._reap(_FAREWELL_S)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._dismiss()
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._reap(None)

    def _reap(self, patience_s: float | None) -> None:
        """Wait for the process, and forget its id if it has ended; ``patience_s`` None: for ever."""
        used_ns = _reap(self.pid, patience_s) if self.pid else None
        if used_ns is not None:
            self.pid, self.cpu_ns = 0, used_ns - self.start_ns

    def _dismiss(self) -> None:
        # The others end with the main thread: by itself a thread gives memory back, which may be watched.
        for channel in self.channels[:1]:
            channel.leave()
        self.channels = ()


def _settle(cast: Sequence[_Player], deadline: float) -> None:
    """Wait until every actor waits: nothing of theirs happens then."""
    for player in cast:
        while not player.rests():
            if time.monotonic() >= deadline:
                raise DriveError(f"{player.name} does not come to rest")
            time.sleep(0.001)


def _reap(pid: int, patience_s: float | None) -> int | None:
    """Wait for a child; gives its CPU time, ns, or None where it still runs after ``patience_s`` (None: for ever)."""
    until = time.monotonic() + (patience_s or 0)
    while True:
        try:
            done, _, used = os.wait4(pid, 0 if patience_s is None else os.WNOHANG)
        except ChildProcessError:
            return 0
        if done:
            # The kernel splits the time by ticks, but the sum is what its scheduler measured (cputime_adjust).
            return round((used.ru_utime + used.ru_stime) * 1e9)
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
        recorder.tids.extend(hello["tids"])
        recorder.notes.extend(f"{actor.name}: {note}" for note in hello["notes"])
        if network_of == 0:
            network_of = player.pid


def _fork(plan: CallPlan, index: int, network_of: int) -> _Player:
    room = max([_LEAST_ROOM, *(turn.answer_bytes for turn in plan.turns)])
    channels = tuple(Channel(room) for _ in plan.actors[index].threads)
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        raise DriveError(f"no process for {plan.actors[index].name}: {error.strerror}") from error
    if pid == 0:
        live(plan, index, channels, parent, network_of)
    return _Player(plan.actors[index].name, pid, channels)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that people send wait until the block is done. A process forked inside has to let them through itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _deviations(plan: CallPlan, turn: Turn, results: Sequence[Result]) -> Iterator[str]:
    for call, result in zip(turn.calls, results, strict=True):
        ret = result.ret
        as_planned = ret >= 0 if call.ret is None else ret == call.ret
        if not as_planned:
            wanted = "success" if call.ret is None else describe(call.ret)
            what = f" ({call.note})" if call.note else ""
            yield f"{plan.actors[turn.actor].name}: {call.name}{what} returned {describe(ret)}, not {wanted}"


def _lives(plan: CallPlan, cast: Sequence[_Player], first: int) -> Iterator[Event]:
    """How much CPU time each process took since all were ready, its end included, as ``ret`` in ns."""
    for number, (actor, player) in enumerate(zip(plan.actors, cast, strict=True), start=first):
        pid, tids = player.identity.pid, player.identity.tids
        yield Event(number, f"work/{LIFE}", pid, tids[0], ret=player.cpu_ns, actor=actor.name, comm=actor.name)


def _first_note(turn: Turn) -> str:
    return next((call.note for call in turn.calls if call.note), turn.calls[0].name if turn.calls else "nothing")
