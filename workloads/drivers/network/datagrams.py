# SPDX-License-Identifier: Apache-2.0
"""Datagrams: UDP over IPv4 and IPv6, and Unix sockets, through each of the four system calls."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from workloads.drivers.network.address import inet, inet6, unix
from workloads.drivers.network.script import Lane
from workloads.drivers.network.stage import Stage

UDP = (socket.AF_INET, socket.SOCK_DGRAM)


@dataclass(frozen=True, slots=True)
class _End:
    """A thread with a bound datagram socket."""

    lane: Lane
    fd: int
    address: bytes


def _end(lane: Lane, family: int, address: bytes) -> _End:
    fd = lane.socket(family, socket.SOCK_DGRAM)
    lane.bind(fd, address)
    return _End(lane, fd, address)


def udp(stage: Stage, rounds: int) -> None:
    """UDP with ``sendto`` and ``recvfrom``, there and back, in both threads of both processes."""
    pairs = [(stage.client, stage.server), (stage.client_2, stage.server_2)]
    ends = [
        (_end(near, socket.AF_INET, inet(stage.host(), stage.port())),
         _end(far, socket.AF_INET, inet(stage.host(), stage.port())))
        for near, far in pairs
    ]  # fmt: skip
    for number in range(rounds):
        near, far = ends[number % len(ends)]
        _exchange(stage, near, far, source=stage.chance.random() < 0.5, note="UDP, unconnected")
        if stage.chance.random() < 0.5:
            _exchange(stage, far, near, source=True, note="UDP, the answer")
    for near, far in ends:
        _connected(stage, near, far)
        _odd_sizes(stage, near, far)
        near.lane.close(near.fd)
        far.lane.close(far.fd)


def _exchange(stage: Stage, sender: _End, receiver: _End, *, source: bool, note: str) -> None:
    data = stage.bytes(1, 1400)
    sender.lane.sendto(sender.fd, data, receiver.address, note=note)
    receiver.lane.recvfrom(receiver.fd, 2048, len(data), source=source, note=note)


def _connected(stage: Stage, near: _End, far: _End) -> None:
    """A connected socket needs no address: the system call gets NULL."""
    note = "UDP, connected, NULL address"
    fd = near.lane.socket(*UDP)
    near.lane.connect(fd, far.address)
    for _ in range(2):
        data = stage.bytes(1, 500)
        near.lane.sendto(fd, data, note=note)
        far.lane.recvfrom(far.fd, 2048, len(data), note=note)
    near.lane.send(fd, b"through send()", note="UDP, connected, send()")
    far.lane.recv(far.fd, 2048, len(b"through send()"), note="UDP, recv()")
    near.lane.close(fd)


def _odd_sizes(stage: Stage, near: _End, far: _End) -> None:
    """No bytes at all, less room than bytes, a look without taking, and nothing there."""
    near.lane.sendto(near.fd, b"", far.address, note="UDP, zero bytes")
    far.lane.recvfrom(far.fd, 2048, 0, source=True, note="UDP, zero bytes")
    data = stage.bytes(100, 200)
    near.lane.sendto(near.fd, data, far.address, note="UDP, more than is asked for")
    far.lane.recvfrom(far.fd, 10, 10, flags=socket.MSG_PEEK, note="UDP, a look")
    far.lane.recvfrom(far.fd, 10, 10, note="UDP, truncated")
    near.lane.sendto(near.fd, data, far.address, note="UDP, nothing is asked for")
    far.lane.recvfrom(far.fd, 0, 0, note="UDP, room for zero bytes")
    far.lane.recvfrom(far.fd, 64, -errno.EAGAIN, flags=socket.MSG_DONTWAIT, note="UDP, nothing there")


def messages(stage: Stage, rounds: int) -> None:
    """UDP with ``sendmsg`` and ``recvmsg``: one and several iovecs, with and without ``msg_name``."""
    near = _end(stage.client, socket.AF_INET, inet(stage.host(), stage.port()))
    far = _end(stage.server_2, socket.AF_INET, inet(stage.host(), stage.port()))
    for _ in range(rounds):
        parts = [stage.bytes(1, 200) for _ in range(stage.chance.choice((1, 1, 3, 8)))]
        _message(stage, near, far, parts, far.address)
    fd = near.lane.socket(*UDP)
    near.lane.connect(fd, far.address)
    connected = _End(near.lane, fd, near.address)
    for pieces in (1, 4):
        _message(stage, connected, far, [stage.bytes(1, 100) for _ in range(pieces)], b"")
    _message(stage, connected, far, [], b"")
    near.lane.close(near.fd, fd)
    far.lane.close(far.fd)


def _message(stage: Stage, sender: _End, receiver: _End, parts: list[bytes], name: bytes) -> None:
    length = sum(map(len, parts))
    note = f"message of {len(parts)} part{'s'[len(parts) == 1 :]}, {'with' if name else 'without'} a name"
    sender.lane.sendmsg(sender.fd, parts, name, note=note)
    sizes = [4096] if stage.chance.random() < 0.5 else [16, 0, 4000]
    receiver.lane.recvmsg(receiver.fd, sizes, length, source=stage.chance.random() < 0.5, note=note)


def other_families(stage: Stage) -> None:
    """IPv6 and Unix datagrams, whose addresses are not IPv4 and of other lengths."""
    families = [
        (socket.AF_INET6, inet6("::1", stage.port()), inet6("::1", stage.port()), "IPv6"),
        (socket.AF_UNIX, unix(f"near-{stage.port()}"), unix(f"far-{stage.port()}-and-longer"), "Unix"),
    ]
    for family, near_address, far_address, name in families:
        near = _end(stage.client_2, family, near_address)
        far = _end(stage.server, family, far_address)
        _exchange(stage, near, far, source=True, note=f"{name}, sendto")
        _exchange(stage, far, near, source=False, note=f"{name}, sendto")
        _message(stage, near, far, [stage.bytes(1, 99), stage.bytes(1, 99)], far.address)
        near.lane.connect(near.fd, far.address)
        near.lane.sendto(near.fd, b"connected", note=f"{name}, NULL address")
        far.lane.recvmsg(far.fd, [64], len(b"connected"), source=True, note=f"{name}, NULL address")
        near.lane.close(near.fd)
        far.lane.close(far.fd)
