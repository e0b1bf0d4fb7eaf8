# SPDX-License-Identifier: Apache-2.0
"""Many messages with one call: ``sendmmsg`` and ``recvmmsg``."""

from __future__ import annotations

import errno
import socket

from workloads.drivers.network.address import inet, inet6
from workloads.drivers.network.datagrams import UDP
from workloads.drivers.network.script import Lane
from workloads.drivers.network.stage import Stage

#: linux/socket.h; Python has no name for it.
_MSG_WAITFORONE = 0x10000


def many_messages(stage: Stage, rounds: int) -> None:
    """To one and to several peers, connected, over IPv4 and IPv6 and TCP, more than arrive, and none at all."""
    near, far = stage.client, stage.server
    first, second = inet(stage.host(), stage.port()), inet(stage.host(), stage.port())
    receivers = [_bound(far, first), _bound(far, second)]
    sender = _bound(near, inet(stage.host(), stage.port()))
    for _ in range(rounds):
        sizes = [stage.chance.randint(1, 300) for _ in range(stage.chance.randint(1, 8))]
        near.sendmmsg(sender, [(stage.chance.randbytes(size), first) for size in sizes], note="many messages")
        source = stage.chance.random() < 0.5
        far.recvmmsg(receivers[0], [512] * len(sizes), len(sizes), source=source, note="many messages")
    near.sendmmsg(sender, [(b"to one", first), (b"to the other", second), (b"", first)], note="to several peers")
    far.recvmmsg(receivers[0], [64] * 5, 2, source=True, flags=_MSG_WAITFORONE, note="fewer than there is room for")
    far.recvmmsg(receivers[1], [4], 1, source=True, note="truncated")
    _connected(near, far, first, receivers[0])
    near.sendmmsg(sender, [], note="none at all")
    far.recvmmsg(receivers[0], [64], -errno.EAGAIN, flags=socket.MSG_DONTWAIT, note="nothing there")
    near.sendmmsg(999, [(b"nobody", first)], ret=-errno.EBADF, note="no socket")
    # The second message cannot go anywhere: one was sent.
    near.sendmmsg(sender, [(b"sent", first), (b"not sent", b"\2\0")], ret=1, note="the second fails")
    far.recvmmsg(receivers[0], [64], 1, source=True, note="the first of them")
    _over_ipv6(stage, near, far)
    near.close(sender)
    far.close(*receivers)


def _bound(lane: Lane, address: bytes) -> int:
    fd = lane.socket(*UDP)
    lane.bind(fd, address)
    return fd


def _connected(near: Lane, far: Lane, address: bytes, receiver: int) -> None:
    fd = near.socket(*UDP)
    near.connect(fd, address)
    near.sendmmsg(fd, [(b"connected", b"")] * 3, note="many messages, connected")
    far.recvmmsg(receiver, [64] * 3, 3, source=True, note="many messages, connected")
    near.close(fd)


def _over_ipv6(stage: Stage, near: Lane, far: Lane) -> None:
    address = inet6("::1", stage.port())
    receiver, sender = far.socket(socket.AF_INET6, socket.SOCK_DGRAM), near.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    far.bind(receiver, address)
    near.bind(sender, inet6("::1", stage.port()))
    near.sendmmsg(sender, [(b"six", address), (b"sixty-six", address)], note="many messages over IPv6")
    far.recvmmsg(receiver, [64] * 2, 2, source=True, note="many messages over IPv6")
    near.close(sender)
    far.close(receiver)
