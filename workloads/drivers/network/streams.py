# SPDX-License-Identifier: Apache-2.0
"""Streams: TCP over IPv4 and IPv6, and Unix sockets."""

from __future__ import annotations

import errno
import socket

from workloads.drivers.network.address import inet, inet6, unix
from workloads.drivers.network.script import Lane
from workloads.drivers.network.stage import Stage


def tcp(stage: Stage, rounds: int) -> None:
    """TCP with ``send``/``recv`` and with messages, then over IPv6 and a Unix socket."""
    near, far = stage.client, stage.server
    address = inet(stage.host(), stage.port())
    ours, theirs = _connect(near, far, socket.AF_INET, address)
    for _ in range(rounds):
        data = stage.bytes(1, 1400)
        near.send(ours, data, note="TCP, send()")
        far.recv(theirs, 4096, len(data), note="TCP, recv()")
    _in_pieces(stage, near, ours, far, theirs)
    near.sendto(ours, b"the address is not looked at", address, note="TCP, an address all the same")
    far.recvfrom(theirs, 64, len(b"the address is not looked at"), source=True, note="TCP, asks for an address")
    _end_of_stream(near, ours, far, theirs)
    for family, place, name in (
        (socket.AF_INET6, inet6("::1", stage.port()), "TCP over IPv6"),
        (socket.AF_UNIX, unix(f"stream-{stage.port()}"), "Unix stream"),
    ):
        ours, theirs = _connect(stage.client_2, stage.server_2, family, place)
        data = stage.bytes(1, 300)
        stage.client_2.send(ours, data, note=f"{name}, send()")
        stage.server_2.recvmsg(theirs, [512], len(data), note=f"{name}, recvmsg")
        stage.server_2.sendmsg(theirs, [data, data], note=f"{name}, sendmsg")
        stage.client_2.recv(ours, 1024, 2 * len(data), note=f"{name}, recv()")
        stage.client_2.close(ours)
        stage.server_2.close(theirs)


def _connect(near: Lane, far: Lane, family: int, address: bytes) -> tuple[int, int]:
    """A connection; gives its ends' file descriptors."""
    listener = far.socket(family, socket.SOCK_STREAM)
    if family != socket.AF_UNIX:
        far.set_option(listener, socket.SOL_SOCKET, socket.SO_REUSEADDR, (1).to_bytes(4, "little"))
    far.bind(listener, address)
    far.listen(listener)
    ours = near.socket(family, socket.SOCK_STREAM)
    near.connect(ours, address)
    theirs = far.accept(listener)
    far.close(listener)
    return ours, theirs


def _in_pieces(stage: Stage, near: Lane, ours: int, far: Lane, theirs: int) -> None:
    """A stream has no borders: what was sent at once arrives in pieces, and the other way round."""
    near.send(ours, stage.chance.randbytes(100), note="TCP, at once")
    far.recv(theirs, 40, 40, note="TCP, a piece")
    far.recv(theirs, 100, 60, note="TCP, the rest")
    near.sendmsg(ours, [b"one", b"two", b"three"], note="TCP, a message of 3 parts")
    near.sendmsg(ours, [b"four"], note="TCP, a message of 1 part")
    far.recvmsg(theirs, [8, 7], 15, flags=socket.MSG_WAITALL, note="TCP, two messages at once")
    far.sendmsg(theirs, [stage.bytes(50, 60)] * 3, inet("127.9.9.9", 9), note="TCP, a name all the same", ret=None)
    near.recvmsg(ours, [1024], _last_sent(stage), source=True, note="TCP, asks for a name")


def _last_sent(stage: Stage) -> int:
    """The bytes of the call that was written down last."""
    ret = stage.script.turns[-1][2][-1].ret
    return ret or 0


def _end_of_stream(near: Lane, ours: int, far: Lane, theirs: int) -> None:
    near.call("shutdown", ours, socket.SHUT_WR)
    near.sendto(ours, b"too late", flags=socket.MSG_NOSIGNAL, ret=-errno.EPIPE, note="TCP, after the end")
    far.recv(theirs, 64, 0, note="TCP, the end")
    near.close(ours)
    far.close(theirs)
