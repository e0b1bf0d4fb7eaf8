# SPDX-License-Identifier: Apache-2.0
"""What a kernel would have to do with a plan's sockets, for runs without one: who is connected, and who hears what.

Each call on a socket gets the kernel's objects behind its file descriptor (``task``, as the simulator reads it), and
what the kernel would write into its memory: senders' addresses, and how much of each message was moved. What a kernel
chooses by chance, the ports of sockets that were not bound, is made up; who sent a frame on the link is left out.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any, Final

from workloads.calls import Call, CallPlan, Expected, Turn
from workloads.user_memory import UserMemory

_FIRST_PORT: Final = 40_000
_INET, _INET6, _UNIX = int(socket.AF_INET), int(socket.AF_INET6), int(socket.AF_UNIX)
_LOOPBACK: Final = {_INET: socket.inet_aton("127.0.0.1"), _INET6: socket.inet_pton(socket.AF_INET6, "::1")}
_PROTOCOLS: Final[Mapping[int, int]] = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}
_MESSAGE, _LENGTH_AT, _FLAGS_AT, _MOVED_AT = 64, 8, 48, 56  # struct mmsghdr, its msg_namelen, msg_flags and msg_len

#: Of IPv4 and IPv6 port and address as they stand in memory, of Unix sockets no port and the name.
Name = tuple[bytes, bytes]
_NOBODY: Final[Name] = (b"\0\0", b"")


@dataclass(slots=True)
class _Socket:
    """A socket; ``heard`` are the senders and sizes of datagrams, or those who want to connect."""

    family: int
    kind: int
    protocol: int
    local: Name = _NOBODY
    peer: Name = _NOBODY
    heard: deque[tuple[Name, int]] = field(default_factory=deque)

    def task(self, fd: int) -> dict[str, Any]:
        """The task that has this socket under ``fd``."""
        common: dict[str, Any] = {"skc_family": self.family}
        port, address = self.peer
        if self.family in _LOOPBACK:
            common |= {"skc_dport": _word(port), "skc_num": int.from_bytes(self.local[0], "big")}
        if self.family == _INET:
            common["skc_daddr"] = _word(address)
        elif self.family == _INET6:
            common["skc_v6_daddr"] = {"in6_u": {"u6_addr32": list(struct.unpack("=4I", address.ljust(16, b"\0")))}}
        sk = {"sk_protocol": self.protocol, "sk_type": self.kind, "__sk_common": common}
        return {"files": {"fdt": {"fd": {fd: {"private_data": {"struct": "socket", "sk": sk}}}}}}


def with_sockets(plan: CallPlan) -> CallPlan:
    """``plan``, its calls on sockets with what a kernel is expected to have and to write."""
    network = _Network()
    turns = [
        Turn(turn.actor, turn.thread, tuple(network.called(turn.actor, call) for call in turn.calls))
        for turn in plan.turns
    ]
    return replace(plan, turns=tuple(turns))


@dataclass(slots=True)
class _Network:
    """All sockets, by actor and file descriptor; ``bound`` by family and name."""

    sockets: dict[tuple[int, int], _Socket] = field(default_factory=dict)
    bound: dict[tuple[int, Name], _Socket] = field(default_factory=dict)
    ports: int = _FIRST_PORT

    def called(self, actor: int, call: Call) -> Call:
        """``call`` with what is expected of it; the network changes accordingly."""
        succeeds = call.ret is None or call.ret >= 0
        if call.name == "socket" and succeeds and call.into is not None:
            family, kind, protocol = call.args[:3]
            chosen = (protocol or _PROTOCOLS.get(kind, 0)) if family in _LOOPBACK else 0
            self.sockets[actor, call.into] = _Socket(family, kind, chosen)
            return replace(call, expected=Expected(ret=call.into))
        of = self.sockets.get((actor, call.args[0])) if call.args and call.name in _STEPS else None
        if of is None:
            return call
        memory = UserMemory(call.memory)
        # Before the call changes anything: connecting tells nothing yet of the peer.
        task = of.task(call.args[0])
        writes = list(_STEPS[call.name](self, actor, of, call, memory)) if succeeds else []
        return replace(call, expected=Expected({"task": task}, tuple(writes), call.into or 0))

    def bind(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """The socket gets a name."""
        del actor
        of.local = _name(of.family, memory, *call.args[1:3])
        self.bound[of.family, of.local] = of
        return iter(())

    def connect(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """The socket gets a peer; one that listens hears of it."""
        del actor
        self._named(of)
        of.peer = _name(of.family, memory, *call.args[1:3])
        if of.kind == socket.SOCK_STREAM and (listener := self.bound.get((of.family, of.peer))):
            listener.heard.append((of.local, 0))
        return iter(())

    def accept4(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """A new socket for one who wanted to connect."""
        del memory
        peer, _ = of.heard.popleft() if of.heard else (_NOBODY, 0)
        if call.into is not None:
            self.sockets[actor, call.into] = _Socket(of.family, of.kind, of.protocol, of.local, peer)
        yield from _address(of.family, peer, call.args[1])

    def close(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """The socket's name is free again."""
        del memory
        del self.sockets[actor, call.args[0]]
        if self.bound.get((of.family, of.local)) is of:
            del self.bound[of.family, of.local]
        return iter(())

    def sendto(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """One message, with its address."""
        del actor
        self._send(of, _name(of.family, memory, *call.args[4:6]), call.ret or 0, call.count)
        return iter(())

    def sendmsg(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """One message, with its header."""
        del actor
        name, length, _, _ = _header(memory, call.args[1])
        self._send(of, _name(of.family, memory, name, length), call.ret or 0, call.count)
        return iter(())

    def sendmmsg(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """Several messages; the kernel writes their sizes."""
        del actor
        for _ in range(call.count):
            for number in range(call.ret or 0):
                name, length, vectors, count = _header(memory, call.args[1] + number * _MESSAGE)
                self._send(of, _name(of.family, memory, name, length), _room(memory, vectors, count), 1)
        for number in range(call.ret or 0):
            _, _, vectors, count = _header(memory, call.args[1] + number * _MESSAGE)
            yield call.args[1] + number * _MESSAGE + _MOVED_AT, struct.pack("=I", _room(memory, vectors, count))

    def recvfrom(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """One message; the kernel writes its sender's address."""
        del actor, memory
        sender, _ = self._receive(of, call.count, flags=call.args[3])
        yield from _address(of.family, sender, call.args[4])

    def recvmsg(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """Likewise, to where the header says."""
        del actor
        sender, _ = self._receive(of, call.count, flags=call.args[2])
        yield from _address(of.family, sender, _header(memory, call.args[1])[0])

    def recvmmsg(self, actor: int, of: _Socket, call: Call, memory: UserMemory) -> Iterator[tuple[int, bytes]]:
        """Several messages; the kernel writes senders and sizes. Of repeated calls, those of the last."""
        del actor
        for _ in range(call.count):
            writes: list[tuple[int, bytes]] = []
            for at in range(call.args[1], call.args[1] + (call.ret or 0) * _MESSAGE, _MESSAGE):
                name, _, vectors, count = _header(memory, at)
                sender, size = self._receive(of, 1, flags=call.args[3])
                address = list(_address(of.family, sender, name))
                writes += address
                writes += [(at + _LENGTH_AT, struct.pack("=I", len(raw))) for _, raw in address]
                room = _room(memory, vectors, count)
                writes.append((at + _FLAGS_AT, struct.pack("=I", socket.MSG_TRUNC if size > room else 0)))
                writes.append((at + _MOVED_AT, struct.pack("=I", min(size, room))))
        yield from writes

    def _send(self, of: _Socket, name: Name, size: int, count: int) -> None:
        if of.kind == socket.SOCK_STREAM:
            return
        self._named(of)
        to = name if name != _NOBODY else of.peer
        hearer = of if of.kind == socket.SOCK_RAW else self.bound.get((of.family, to))
        if hearer is not None:
            sender = (b"\0\0", to[1]) if of.kind == socket.SOCK_RAW else of.local
            hearer.heard.extend(repeat((sender, size), count))

    @staticmethod
    def _receive(of: _Socket, count: int, *, flags: int) -> tuple[Name, int]:
        """Sender and size of the last of ``count`` messages."""
        if of.kind == socket.SOCK_STREAM or not of.heard:
            return _NOBODY, 0
        heard = of.heard[0]
        # A raw socket hears its own request, and its answer from there.
        if of.kind != socket.SOCK_RAW and not flags & socket.MSG_PEEK:
            for _ in range(min(count, len(of.heard))):
                heard = of.heard.popleft()
        return heard

    def _named(self, of: _Socket) -> None:
        """Give a socket without a name a port, as the kernel does when it is used."""
        if of.local == _NOBODY and of.family in _LOOPBACK and of.kind != socket.SOCK_RAW:
            of.local = self.ports.to_bytes(2, "big"), _LOOPBACK[of.family]
            self.bound[of.family, of.local] = of
            self.ports += 1


_STEPS: Final = {
    step.__name__: step
    for step in (
        _Network.bind, _Network.connect, _Network.accept4, _Network.close, _Network.sendto, _Network.sendmsg,
        _Network.sendmmsg, _Network.recvfrom, _Network.recvmsg, _Network.recvmmsg,
    )
}  # fmt: skip


def _name(family: int, memory: UserMemory, address: int, length: int) -> Name:
    """The name that a ``struct sockaddr`` tells, if there is one."""
    raw = memory.read(address, length) if address and length else None
    if raw is None:
        return _NOBODY
    if family == _INET:
        return raw[2:4], raw[4:8]
    return (raw[2:4], raw[8:24]) if family == _INET6 else (b"\0\0", raw[2:])


def _address(family: int, name: Name, to: int) -> Iterator[tuple[int, bytes]]:
    """What the kernel writes where it is asked for an address: nothing if nobody is known, except of a Unix socket."""
    if not to or (name == _NOBODY and family != _UNIX):
        return
    port, address = name
    head = struct.pack("=H", family)
    tail = {_INET: port + address + bytes(8), _INET6: port + bytes(4) + address + bytes(4)}.get(family, address)
    yield to, head + tail


def _header(memory: UserMemory, at: int) -> tuple[int, int, int, int]:
    """Name, its length, iovecs and their number of a ``struct user_msghdr``."""
    raw = memory.read(at, 32) or bytes(32)
    name, length, vectors, count = struct.unpack("=QI4xQQ", raw)
    return name, length, vectors, count


def _room(memory: UserMemory, vectors: int, count: int) -> int:
    """The bytes that iovecs have room for."""
    raw = memory.read(vectors, 16 * count) or b""
    return sum(size for _, size in struct.iter_unpack("=QQ", raw))


def _word(raw: bytes) -> int:
    """The number that the machine reads there."""
    return int.from_bytes(raw, sys.byteorder)
