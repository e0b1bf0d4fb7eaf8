# SPDX-License-Identifier: Apache-2.0
"""What processes really moved through sockets: the bytes that calls returned, by protocol and peer.

The model follows each socket from its creation, through connecting and accepting, so it knows family, protocol and the
peer of a connected one; a socket whose beginning is not among the events is left out. A call that names a peer of the
socket's own family, or is told one, counts for that peer.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context
from workloads.user_memory import UserMemory

_PREFIX: Final = "syscalls/sys_enter_"
_ADDRESS_BYTES: Final = {2: 16, 10: 28}  # AF_INET, AF_INET6
_MMSGHDR, _MSGHDR, _LENGTH_AT = 64, 56, 56
_MOST_MESSAGES: Final = 64
_COUNTERS: Final = ("bytes_sent", "bytes_recv", "packets_sent", "packets_recv")
_DEFAULTS: Final[dict[tuple[int, int], int]] = {
    (2, socket.SOCK_STREAM): 6,
    (2, socket.SOCK_DGRAM): 17,
    (10, socket.SOCK_STREAM): 6,
    (10, socket.SOCK_DGRAM): 17,
}
_SENDS: Final = frozenset({"sendto", "sendmsg", "sendmmsg"})

Direction = Literal["sent", "recv"]
#: Port in host order, and the address as it stands in memory.
Peer = tuple[int, bytes]
_NOBODY: Final[Peer] = (0, b"")


class Flow(NamedTuple):
    """The key of ``flows``; the address as four numbers, each as the machine reads four bytes of it."""

    pid: int
    family: int
    port: int
    protocol: int
    address: tuple[int, ...]


@dataclass(slots=True)
class _Socket:
    family: int
    protocol: int
    peer: Peer = _NOBODY


@dataclass(slots=True)
class _Model:
    """Sockets by process and file descriptor, and the maps as they fill up."""

    sockets: dict[tuple[int, int], _Socket] = field(default_factory=dict)
    flows: dict[Flow, dict[str, int]] = field(default_factory=dict)
    pids: dict[int, dict[str, int]] = field(default_factory=dict)

    def book(self, pid: int, of: _Socket, peer: Peer, *, direction: Direction, size: int, times: int) -> None:
        """Count ``times`` messages of ``size`` bytes each."""
        port, address = peer
        key = Flow(pid, of.family, port, of.protocol, struct.unpack("=4I", address.ljust(16, b"\0")))
        for entry in (
            self.flows.setdefault(key, dict.fromkeys(_COUNTERS, 0)),
            self.pids.setdefault(pid, dict.fromkeys(_COUNTERS, 0)),
        ):
            entry[f"bytes_{direction}"] += size * times
            entry[f"packets_{direction}"] += times


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the maps hold after ``events``; times are left out. There is room for all flows."""
    del context
    model = _Model()
    for event in events:
        name = event.hook.removeprefix(_PREFIX)
        if event.ret is None or event.ret < 0:
            continue
        if name in {"socket", "connect", "accept4"}:
            _follow(model, name, event)
        elif (event.pid, event.args[0]) in model.sockets:
            _count(model, name, event)
    return {"flows": dict(model.flows), "traffic_by_pid": dict(model.pids), "calls": {}}


def _follow(model: _Model, name: str, event: Event) -> None:
    args, memory = event.args, _memory(event)
    before = model.sockets.get((event.pid, args[0]))
    if name == "socket":
        family, kind, protocol = args[:3]
        known = protocol or _DEFAULTS.get((family, kind), 0)
        model.sockets[event.pid, event.fields["fd"]] = _Socket(family, known if family in _ADDRESS_BYTES else 0)
    elif before is None:
        return
    elif name == "accept4":
        peer = _peer(before.family, memory, args[1]) or _NOBODY
        model.sockets[event.pid, event.fields["fd"]] = _Socket(before.family, before.protocol, peer)
    else:
        before.peer = _peer(before.family, memory, args[1]) or _NOBODY


def _count(model: _Model, name: str, event: Event) -> None:
    args, memory, of = event.args, _memory(event), model.sockets[event.pid, event.args[0]]
    direction: Direction = "sent" if name in _SENDS else "recv"
    moved = event.ret or 0
    if name in {"sendto", "recvfrom"}:
        messages = [(args[4], moved)]
    elif name in {"sendmsg", "recvmsg"}:
        header = memory.read(args[1], _MSGHDR)
        messages = [(_u64(header) if header else 0, moved)]
    else:
        messages = []
        for number in range(min(moved, _MOST_MESSAGES)):
            one = memory.read(args[1] + _MMSGHDR * number, _MMSGHDR) or bytes(_MMSGHDR)
            messages.append((_u64(one), int.from_bytes(one[_LENGTH_AT : _LENGTH_AT + 4], sys.byteorder)))
    for address, size in messages:
        peer = _peer(of.family, memory, address) or of.peer
        model.book(event.pid, of, peer, direction=direction, size=size, times=event.count)


def _memory(event: Event) -> UserMemory:
    """Memory after the call: what the kernel wrote lies over what was there before."""
    after: list[Any] = event.fields.get("after", [])
    return UserMemory((*((at, bytes.fromhex(data)) for at, data in after), *event.memory))


def _peer(family: int, memory: UserMemory, address: int) -> Peer | None:
    """The peer at ``address``, None where there is no address of the family."""
    found = memory.read(address, _ADDRESS_BYTES[family]) if address and family in _ADDRESS_BYTES else None
    if not found or int.from_bytes(found[:2], sys.byteorder) != family:
        return None
    return int.from_bytes(found[2:4], "big"), found[4:8] if family == socket.AF_INET else found[8:24]


def _u64(data: bytes) -> int:
    return int.from_bytes(data[:8], sys.byteorder)
