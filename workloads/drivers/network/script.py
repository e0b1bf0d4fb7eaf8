# SPDX-License-Identifier: Apache-2.0
"""A pen for plans: actors whose threads open sockets, send and receive, written down call by call."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workloads.calls import Actor, Call, CallPlan, Turn
from workloads.memory import ACTOR_STRIDE, BASE

#: The system calls that are watched.
HOOKS = frozenset({"sendto", "recvfrom", "sendmsg", "recvmsg"})

#: And those besides that a program needs to see, or a model to follow, to know what really moved between whom.
EXACT_HOOKS = HOOKS | {"sendmmsg", "recvmmsg", "socket", "connect", "accept4"}

#: Nothing waits longer than this many seconds for a packet that does not come.
PATIENCE_S = 5

_FIRST_FD = 64
_THREAD_AREA = 0x20000
#: A page of any size up to 64 KiB, with nothing behind it.
_EDGE_OFFSET, _EDGE_SIZE = 0x100_0000, 0x10000
_UNMAPPED_OFFSET = 0x200_0000

# Inside a thread's area.
_ADDRESS, _SOURCE, _SOURCE_LENGTH = 0x000, 0x100, 0x180
_HEADER, _VECTORS, _OPTION = 0x200, 0x400, 0x600
_HEADERS, _NAMES = 0x8000, 0xC000
_PAYLOAD, _BUFFER = 0x1000, 0x10000

#: Readable bytes around an address and a message header, so that a program may read any of the kernel's structures.
_ADDRESS_ROOM, _HEADER_ROOM = 32, 128
#: ``sizeof(struct mmsghdr)``.
_MMSGHDR = 64


def message_header(name: int, name_length: int, vectors: int, count: int) -> bytes:
    """A ``struct user_msghdr`` (include/linux/socket.h) without control data, 56 bytes."""
    return struct.pack("=QI4xQQQQI4x", name, name_length, vectors, count, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Many:
    """The memory of a call for many messages; ``names`` are addresses that the kernel fills in."""

    headers: bytes
    vectors: bytes
    memory: list[tuple[int, bytes]]
    names: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Process:
    name: str
    threads: list[str]
    next_fd: int = _FIRST_FD


@dataclass(slots=True)
class Script:
    """Collects the turns of all actors. Calls of one thread in a row become one turn."""

    turns: list[tuple[int, int, list[Call]]] = field(default_factory=list)
    processes: list[_Process] = field(default_factory=list)
    hooks: frozenset[str] = HOOKS

    @property
    def exact(self) -> bool:
        """Whether what the kernel writes into memory is recorded too."""
        return self.hooks >= EXACT_HOOKS

    def actor(self, name: str, *threads: str) -> tuple[Lane, ...]:
        """A process ``name`` with further ``threads``; gives one lane a thread, the main thread's first."""
        index = len(self.processes)
        self.processes.append(_Process(name, [name, *threads]))
        return tuple(Lane(self, index, thread) for thread in range(1 + len(threads)))

    def add(self, actor: int, thread: int, call: Call) -> None:
        """Append ``call``."""
        if not self.turns or self.turns[-1][:2] != (actor, thread):
            self.turns.append((actor, thread, []))
        self.turns[-1][2].append(call)

    def break_turn(self) -> None:
        """Begin a new turn with the next call, whoever makes it: it gets the time limit's attention anew."""
        if self.turns:
            actor, thread, _ = self.turns[-1]
            self.turns.append((actor, thread, []))

    def plan(self, *, own_network: bool = False, raw: bool = False) -> CallPlan:
        """What was written down."""
        actors = tuple(self._finished(index) for index in range(len(self.processes)))
        turns = tuple(Turn(actor, thread, tuple(calls)) for actor, thread, calls in self.turns if calls)
        return CallPlan(actors, turns, self.hooks, own_network, raw)

    def _finished(self, index: int) -> Actor:
        process = self.processes[index]
        base = BASE + index * ACTOR_STRIDE
        areas = (base, _THREAD_AREA * len(process.threads))
        return Actor(process.name, tuple(process.threads), (areas, (base + _EDGE_OFFSET, _EDGE_SIZE)))


@dataclass(frozen=True, slots=True)
class Lane:
    """One thread of one actor. Each method writes down one system call (or a socket's worth of preparation).

    ``ret`` is what the call is expected to return; left out, a send returns the payload's length.
    """

    script: Script
    actor: int
    thread: int

    @property
    def base(self) -> int:
        """Address of the thread's own memory."""
        return BASE + self.actor * ACTOR_STRIDE + self.thread * _THREAD_AREA

    @property
    def edge(self) -> int:
        """The first address behind a mapped page: what lies before is readable, what lies after faults."""
        return BASE + self.actor * ACTOR_STRIDE + _EDGE_OFFSET + _EDGE_SIZE

    @property
    def unmapped(self) -> int:
        """An address that faults."""
        return BASE + self.actor * ACTOR_STRIDE + _UNMAPPED_OFFSET

    @property
    def buffer(self) -> int:
        """Address of room to receive into."""
        return self.base + _BUFFER

    def call(self, name: str, *args: int, ret: int | None = None, note: str = "", count: int = 1,
             memory: Sequence[tuple[int, bytes]] = (), into: int | None = None, through: str = "",
             fields: Mapping[str, Any] | None = None, peek: tuple[tuple[int, int], ...] = ()) -> None:  # fmt: skip
        """Any system call."""
        call = Call(name, args, tuple(memory), ret, count, into, through, note, fields or {}, peek)
        self.script.add(self.actor, self.thread, call)

    # Preparation: calls that are not watched.

    def socket(self, family: int, kind: int, protocol: int = 0) -> int:
        """A socket that gives up after :data:`PATIENCE_S`; gives its file descriptor."""
        fd = self.new_fd()
        self.call("socket", family, kind, protocol, into=fd)
        timeout = struct.pack("=qq", PATIENCE_S, 0)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.set_option(fd, socket.SOL_SOCKET, option, timeout)
        return fd

    def set_option(self, fd: int, level: int, option: int, value: bytes) -> None:
        """``setsockopt``."""
        at = self.base + _OPTION
        self.call("setsockopt", fd, level, option, at, len(value), memory=[(at, value)])

    def bind(self, fd: int, address: bytes) -> None:
        """``bind``."""
        self.call("bind", fd, self.base + _ADDRESS, len(address), memory=[(self.base + _ADDRESS, address)])

    def connect(self, fd: int, address: bytes) -> None:
        """``connect``."""
        self.call("connect", fd, self.base + _ADDRESS, len(address), memory=[(self.base + _ADDRESS, address)])

    def listen(self, fd: int) -> None:
        """``listen``."""
        self.call("listen", fd, 8)

    def accept(self, listener: int) -> int:
        """``accept``; gives the connection's file descriptor."""
        fd = self.new_fd()
        at, length = (self.base + _SOURCE, self.base + _SOURCE_LENGTH) if self.script.exact else (0, 0)
        memory = [(at, bytes(_ADDRESS_ROOM)), (length, struct.pack("=I", _ADDRESS_ROOM))] if at else []
        self.call("accept4", listener, at, length, 0, into=fd, memory=memory, peek=self._seen(at))
        return fd

    def close(self, *fds: int) -> None:
        """``close`` each."""
        for fd in fds:
            self.call("close", fd)

    def new_fd(self) -> int:
        """A file descriptor that the process does not use yet."""
        process = self.script.processes[self.actor]
        process.next_fd += 1
        return process.next_fd - 1

    # Traffic.

    def sendto(self, fd: int, data: bytes, address: bytes = b"", *, flags: int = 0, ret: int | None = None,
               count: int = 1, note: str = "") -> None:  # fmt: skip
        """``sendto``, with a NULL address where there is none."""
        at = self.base + _ADDRESS if address else 0
        memory = self._payload(data) + ([(at, address.ljust(_ADDRESS_ROOM, b"\0"))] if address else [])
        args = (fd, self.base + _PAYLOAD, len(data), flags, at, len(address))
        self.call("sendto", *args, ret=len(data) if ret is None else ret, count=count, note=note, memory=memory)

    def send(self, fd: int, data: bytes, *, note: str = "") -> None:
        """The C library's ``send``: the system call ``sendto`` without an address."""
        args = (fd, self.base + _PAYLOAD, len(data), 0, 0, 0)
        self.call("sendto", *args, ret=len(data), through="send", note=note, memory=self._payload(data))

    def recvfrom(self, fd: int, size: int, ret: int, *, source: bool = False, flags: int = 0, count: int = 1,
                 note: str = "") -> None:  # fmt: skip
        """``recvfrom`` of up to ``size`` bytes; ``source`` asks for the sender's address."""
        at, length = (self.base + _SOURCE, self.base + _SOURCE_LENGTH) if source else (0, 0)
        memory = [(at, bytes(_ADDRESS_ROOM)), (length, struct.pack("=I", _ADDRESS_ROOM))] if source else []
        args = (fd, self.buffer, size, flags, at, length)
        self.call("recvfrom", *args, ret=ret, count=count, note=note, memory=memory,
                  peek=self._seen(at))  # fmt: skip

    def recv(self, fd: int, size: int, ret: int, *, note: str = "") -> None:
        """The C library's ``recv``: the system call ``recvfrom`` without an address."""
        self.call("recvfrom", fd, self.buffer, size, 0, 0, 0, ret=ret, through="recv", note=note)

    def sendmsg(self, fd: int, parts: Sequence[bytes], address: bytes = b"", *, ret: int | None = None,
                count: int = 1, note: str = "") -> None:  # fmt: skip
        """``sendmsg`` of ``parts``, one iovec each, with ``msg_name`` where there is an address."""
        at = self.base + _ADDRESS if address else 0
        memory = self._payload(b"".join(parts)) + self._header(at, len(address), _PAYLOAD, [len(p) for p in parts])
        memory += [(at, address.ljust(_ADDRESS_ROOM, b"\0"))] if address else []
        expected = sum(map(len, parts)) if ret is None else ret
        self.call("sendmsg", fd, self.base + _HEADER, 0, ret=expected, count=count, note=note, memory=memory)

    def recvmsg(self, fd: int, sizes: Sequence[int], ret: int, *, source: bool = False, flags: int = 0, count: int = 1,
                note: str = "") -> None:  # fmt: skip
        """``recvmsg`` into one iovec for each of ``sizes``; ``source`` gives room for ``msg_name``."""
        at, room = (self.base + _SOURCE, _ADDRESS_ROOM) if source else (0, 0)
        memory = self._header(at, room, _BUFFER, sizes) + ([(at, bytes(room))] if source else [])
        self.call("recvmsg", fd, self.base + _HEADER, flags, ret=ret, count=count, note=note, memory=memory,
                  peek=self._seen(at))  # fmt: skip

    def sendmmsg(self, fd: int, messages: Sequence[tuple[bytes, bytes]], *, ret: int | None = None, count: int = 1,
                 note: str = "") -> None:  # fmt: skip
        """``sendmmsg`` of messages, each its data (one iovec) and its address (empty: none)."""
        headers, vectors, at = b"", b"", self.base + _PAYLOAD
        memory: list[tuple[int, bytes]] = []
        for number, (data, address) in enumerate(messages):
            name = self.base + _NAMES + _ADDRESS_ROOM * number if address else 0
            memory += [(name, address.ljust(_ADDRESS_ROOM, b"\0"))] if address else []
            memory += [(at, data)] if data else []
            headers += self._many_header(name, len(address), number)
            vectors += struct.pack("=QQ", at, len(data))
            at += len(data)
        expected = len(messages) if ret is None else ret
        self._many("sendmmsg", fd, _Many(headers, vectors, memory), ret=expected, count=count, note=note)

    def recvmmsg(self, fd: int, sizes: Sequence[int], ret: int, *, source: bool = False, flags: int = 0,
                 count: int = 1, note: str = "") -> None:  # fmt: skip
        """``recvmmsg`` of one message for each of ``sizes``, which is the room it has."""
        headers, vectors, at = b"", b"", self.buffer
        names = [self.base + _NAMES + _ADDRESS_ROOM * number if source else 0 for number in range(len(sizes))]
        for number, size in enumerate(sizes):
            headers += self._many_header(names[number], _ADDRESS_ROOM if source else 0, number)
            vectors += struct.pack("=QQ", at, size)
            at += size
        memory = [(name, bytes(_ADDRESS_ROOM)) for name in names if name]
        content = _Many(headers, vectors, memory, [name for name in names if name])
        self._many("recvmmsg", fd, content, ret=ret, count=count, note=note, flags=flags)

    def _many_header(self, name: int, name_length: int, number: int) -> bytes:
        """A ``struct mmsghdr``: a message header, and room for how many bytes it moved."""
        return message_header(name, name_length, self.base + _VECTORS + 16 * number, 1) + bytes(8)

    def _many(self, name: str, fd: int, content: _Many, *, ret: int, count: int, note: str, flags: int = 0) -> None:
        at = self.base + _HEADERS
        pieces = [(at, content.headers), (self.base + _VECTORS, content.vectors), *content.memory]
        memory = [(place, data) for place, data in pieces if data]
        peek = ((at, len(content.headers)), *((place, _ADDRESS_ROOM) for place in content.names))
        args = (fd, at, len(content.headers) // _MMSGHDR, flags)
        self.call(name, *args, ret=ret, count=count, note=note, memory=memory, peek=peek)

    def _seen(self, address: int) -> tuple[tuple[int, int], ...]:
        """What is peeked at of an address that the kernel writes."""
        return ((address, _ADDRESS_ROOM),) if address and self.script.exact else ()

    def _payload(self, data: bytes) -> list[tuple[int, bytes]]:
        return [(self.base + _PAYLOAD, data)] if data else []

    def _header(self, name: int, name_length: int, data: int, sizes: Sequence[int]) -> list[tuple[int, bytes]]:
        """A message header and its iovecs, which share out what begins at offset ``data``."""
        header = message_header(name, name_length, self.base + _VECTORS, len(sizes))
        vectors, at = b"", self.base + data
        for size in sizes:
            vectors += struct.pack("=QQ", at, size)
            at += size
        return [(self.base + _HEADER, header.ljust(_HEADER_ROOM, b"\0")), (self.base + _VECTORS, vectors)]
