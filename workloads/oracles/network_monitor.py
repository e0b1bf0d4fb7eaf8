# SPDX-License-Identifier: Apache-2.0
"""The network monitor: traffic per (process, protocol, IPv4 peer), per protocol and per process.

What it counts is what system calls ask for, at their entry:

==========  ==========================================  ========  ============================  ========
call        bytes                                       protocol  peer                          side
==========  ==========================================  ========  ============================  ========
sendto      the length; of 0 bytes nothing is counted   UDP       the address, if IPv4          sent
recvfrom    the length, 0 counts as 1                   UDP       none                          received
sendmsg     1                                           TCP       the header's name, if IPv4    sent
recvmsg     1                                           TCP       none                          received
==========  ==========================================  ========  ============================  ========

Messages count as 1 byte, because the count is looked for in the kernel's own message header at an address of the
user's, where there is none. A peer is taken if the whole address can be read, and, of a message, the whole of what the
kernel calls a message header.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable
from typing import Final, Literal, NamedTuple

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context
from workloads.user_memory import UserMemory

_AF_INET: Final = 2
_TCP, _UDP = 6, 17
_SOCKADDR_IN = 16
#: ``struct msghdr`` has 88 bytes in Linux 5.10 and more later; the workload leaves either all of it readable or
#: not more than the 56 of ``struct user_msghdr``.
_MSGHDR = 88
_U64 = (1 << 64) - 1

_PREFIX = "syscalls/sys_enter_"

Side = Literal["sent", "recv"]
Peer = tuple[int, int]
_NOBODY: Final[Peer] = (0, 0)
_NOTHING: Final = {"bytes_sent": 0, "bytes_recv": 0, "packets_sent": 0, "packets_recv": 0}


class TrafficKey(NamedTuple):
    """The key of ``traffic_map``. ``ip`` is the address's four bytes read as the machine reads a number."""

    pid: int
    protocol: int
    port: int
    ip: int


class _Maps:
    """The maps as they fill up."""

    def __init__(self, context: Context) -> None:
        self.contents: Contents = {"traffic_map": {}, "protocol_totals": {}, "pid_stats": {}, "anomaly_map": {}}
        self._room = {name: context.room(name) for name in self.contents}

    def book(self, pid: int, protocol: int, peer: Peer, *, side: Side, size: int, times: int) -> None:
        """Count ``times`` calls of ``size`` bytes each."""
        ip, port = peer
        if self._has("protocol_totals", protocol, 0):
            totals = self.contents["protocol_totals"]
            totals[protocol] = (totals[protocol] + size * times) & _U64
        for name, key in (("traffic_map", TrafficKey(pid, protocol, port, ip)), ("pid_stats", pid)):
            if self._has(name, key, _NOTHING):
                stats = dict(self.contents[name][key])
                stats[f"bytes_{side}"] = (stats[f"bytes_{side}"] + size * times) & _U64
                stats[f"packets_{side}"] += times
                self.contents[name][key] = stats

    def _has(self, name: str, key: Hashable, first: object) -> bool:
        """Whether there is an entry, made as ``first`` if there is still room for it."""
        entries = self.contents[name]
        if key not in entries and len(entries) < self._room[name]:
            entries[key] = first
        return key in entries


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the maps hold after ``events``; times are left out."""
    maps = _Maps(context)
    for event in events:
        if event.pid and event.hook.startswith(_PREFIX):
            _count(maps, event)
    return maps.contents


def _count(maps: _Maps, event: Event) -> None:
    args, times = event.args, event.count
    memory = UserMemory(event.memory)
    match event.hook[len(_PREFIX) :]:
        case "sendto":
            if args[2]:
                maps.book(event.pid, _UDP, _peer(memory, args[4]), side="sent", size=args[2], times=times)
        case "recvfrom":
            maps.book(event.pid, _UDP, _NOBODY, side="recv", size=args[2] or 1, times=times)
        case "sendmsg":
            maps.book(event.pid, _TCP, _message_peer(memory, args[1]), side="sent", size=1, times=times)
        case "recvmsg":
            maps.book(event.pid, _TCP, _NOBODY, side="recv", size=1, times=times)


def _message_peer(memory: UserMemory, header: int) -> Peer:
    found = memory.read(header, _MSGHDR) if header else None
    return _peer(memory, int.from_bytes(found[:8], sys.byteorder)) if found else _NOBODY


def _peer(memory: UserMemory, address: int) -> Peer:
    """``(ip, port)``: the address as its four bytes stand in memory, the port in host order."""
    found = memory.read(address, _SOCKADDR_IN) if address else None
    if not found or int.from_bytes(found[:2], sys.byteorder) != _AF_INET:
        return _NOBODY
    return int.from_bytes(found[4:8], sys.byteorder), int.from_bytes(found[2:4], "big")
