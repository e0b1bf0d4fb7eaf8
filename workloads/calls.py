# SPDX-License-Identifier: Apache-2.0
"""Plans that are made of system calls: which thread makes which calls, with which memory, in which order."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workloads.events import Event, patched
from workloads.system_calls import number_of
from workloads.user_memory import UserMemory

#: System calls whose return value is the number of bytes that they moved.
COUNT_BYTES = frozenset(
    {"sendto", "recvfrom", "sendmsg", "recvmsg"}
    | {f"{p}{d}{s}" for d in ("read", "write") for p, s in (("", ""), ("p", "64"), ("", "v"))}
)

_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Expected:
    """What a kernel would have to do with a call, for runs without one: ``fields`` of its event, and what it writes.

    ``writes`` are pieces of memory as ``(address, bytes)``; ``ret`` is what a preparation returns.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    writes: tuple[tuple[int, bytes], ...] = ()
    ret: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One system call, made ``count`` times in a row, each time with the same outcome.

    ``memory`` is written just before, as ``(address, bytes)``, and is all that the call's pointers may be followed to.
    ``ret`` is what it should return (negative errno on failure); None for a preparation that only has to succeed.
    ``into`` is the file descriptor that the one it returns is moved to. ``through`` names the C library's function
    that makes the call, where it is not made directly. ``fields`` are facts about the call that its arguments do not
    tell; they stand in its events. ``peek`` are pieces of memory, as ``(address, size)``, whose contents after the call
    become the field ``after`` of its event: what the kernel wrote there. ``expected`` stands for the kernel where there
    is none.
    """

    name: str
    args: tuple[int, ...]
    memory: tuple[tuple[int, bytes], ...] = ()
    ret: int | None = None
    count: int = 1
    into: int | None = None
    through: str = ""
    note: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    peek: tuple[tuple[int, int], ...] = ()
    expected: Expected | None = None

    def expected_after(self) -> tuple[bytes, ...]:
        """What will be found at ``peek`` if all goes as expected."""
        memory = patched(self.memory, self.expected.writes) if self.expected else self.memory
        read = UserMemory(memory).read
        return tuple(read(at, size) or bytes(size) for at, size in self.peek)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call: its return value, and the contents of what was to be peeked at."""

    ret: int
    after: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """Calls that one thread makes while all others wait. ``actor`` and ``thread`` are indices."""

    actor: int
    thread: int
    calls: tuple[Call, ...]

    @property
    def answer_bytes(self) -> int:
        """What :func:`pack_results` makes of the results."""
        return sum(8 + sum(size for _, size in call.peek) for call in self.calls)

    def unpack(self, answer: bytes) -> tuple[Result, ...]:
        """The results from what :func:`pack_results` made of them."""
        results, at = [], 0
        for call in self.calls:
            (ret,) = struct.unpack_from("=q", answer, at)
            at += 8
            after = []
            for _, size in call.peek:
                after.append(answer[at : at + size])
                at += size
            results.append(Result(ret, tuple(after)))
        return tuple(results)


def pack_results(results: Sequence[Result]) -> bytes:
    """Results as bytes: of each the return value in 8 bytes, then what was peeked at."""
    return b"".join(struct.pack("=q", result.ret) + b"".join(result.after) for result in results)


@dataclass(frozen=True, slots=True)
class Actor:
    """A process: its threads' names, the main thread's first, and its memory as ``(address, size)``."""

    name: str
    threads: tuple[str, ...]
    regions: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """An actor's real (or made up) process and thread ids."""

    pid: int
    tids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Actors, and the turns they take. ``hooks`` are the system calls that count as events.

    ``own_network`` asks for a network namespace of the actors' own, where the machine allows one. With ``raw`` the hook
    is the one that all system calls have together, and every call of a plan counts.
    """

    actors: tuple[Actor, ...]
    turns: tuple[Turn, ...]
    hooks: frozenset[str]
    own_network: bool = True
    raw: bool = False

    def events(self) -> Iterator[Event]:
        """The events that the plan leads to if all goes as expected, under made-up process ids."""
        identities = [self.made_up_identity(index) for index in range(len(self.actors))]
        number = 0
        for turn in self.turns:
            for event in self.turn_events(turn, identities[turn.actor], None, number):
                yield event
                number += 1

    def made_up_identity(self, index: int) -> Identity:
        """Ids for actor ``index`` as long as there is no process: 1,000,000 and up, where no kernel goes by default."""
        pid = 1_000_000 + 100 * index
        return Identity(pid, tuple(pid + thread for thread in range(len(self.actors[index].threads))))

    def turn_events(
        self, turn: Turn, identity: Identity, results: Sequence[Result] | None, first: int
    ) -> Iterator[Event]:
        """The events of one turn, numbered from ``first``; ``results`` are what came of its calls, if it was done."""
        for index, call in enumerate(turn.calls):
            if call.name not in self.hooks and not self.raw:
                continue
            ret = call.ret if results is None else results[index].ret
            fields = dict(call.fields)
            if self.raw:
                fields["id"] = number_of(call.name)
            if call.into is not None:
                fields["fd"] = call.into
            if results is None and call.expected is not None:
                ret = call.expected.ret if ret is None else ret
                fields |= call.expected.fields
            if call.peek and (results is not None or call.expected is not None):
                after = call.expected_after() if results is None else results[index].after
                fields["after"] = [[at, data.hex()] for (at, _), data in zip(call.peek, after, strict=True)]
            yield Event(
                seq=first,
                hook=self._hook(call),
                fields=fields,
                pid=identity.pid,
                tid=identity.tids[turn.thread],
                args=tuple(arg & _U64 for arg in call.args) + (0,) * (6 - len(call.args)),
                memory=call.memory,
                ret=ret,
                moved=max(ret or 0, 0) if call.name in COUNT_BYTES else None,
                count=call.count,
                actor=self.actors[turn.actor].name,
                comm=self.actors[turn.actor].threads[turn.thread],
                note=call.note,
            )
            first += 1

    def _hook(self, call: Call) -> str:
        if call.name in {"compute", "serve"}:
            return f"work/{call.name}"
        return "raw_syscalls/sys_enter" if self.raw else f"syscalls/sys_enter_{call.name}"

    def total(self) -> int:
        """How many times a hook fires in all."""
        return sum(call.count for turn in self.turns for call in turn.calls if self.raw or call.name in self.hooks)
