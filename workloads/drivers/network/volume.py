# SPDX-License-Identifier: Apache-2.0
"""Many events: a burst of ordinary ones, more peers than a map has room for, and each call alone for its cost."""

from __future__ import annotations

import socket

from workloads.drivers.network.address import inet
from workloads.drivers.network.datagrams import UDP
from workloads.drivers.network.script import Lane
from workloads.drivers.network.stage import Stage

#: As many small datagrams fit into a default receive buffer (212,992 bytes) at the least.
_BLOCK = 128
#: Blocks between two looks at the clock.
_ROUNDS_PER_TURN = 8

#: Two descriptors, and the address of the second.
_Loop = tuple[int, int, bytes]


def burst(stage: Stage, events: int) -> None:
    """At least ``events`` events, by two threads, through all four calls, each datagram sent and received."""
    lanes = stage.script.actor("burst", "burst-2")
    data = stage.bytes(16, 64)
    loops = [_open(lane, stage) for lane in lanes]
    rounds = -(-events // (4 * _BLOCK)) if events >= 4 * _BLOCK else 1
    block = min(_BLOCK, -(-events // 4))
    for number in range(rounds):
        if number % _ROUNDS_PER_TURN == 0:
            stage.script.break_turn()
        which = number // _ROUNDS_PER_TURN % len(lanes)
        _round(lanes[which], loops[which], data, block, note="burst")


def each_alone(stage: Stage, events: int, *, many: bool = False) -> None:
    """``events`` events for each of the four calls, in blocks of one call, by one thread: the ordinary case only.

    ``many`` adds the calls for many messages at once.
    """
    lane = stage.client
    loop = _open(lane, stage)
    data = stage.bytes(32, 32)
    for done in range(0, events, _BLOCK):
        if done // _BLOCK % _ROUNDS_PER_TURN == 0:
            stage.script.break_turn()
        _round(lane, loop, data, min(_BLOCK, events - done), note="cost")
        if many:
            _round_of_many(lane, loop, data, min(_BLOCK, events - done))


def _open(lane: Lane, stage: Stage) -> _Loop:
    """A sender, a receiver, and the receiver's address."""
    place = inet(stage.host(), stage.port())
    receiver = lane.socket(*UDP)
    lane.bind(receiver, place)
    return lane.socket(*UDP), receiver, place


def _round(lane: Lane, loop: _Loop, data: bytes, block: int, *, note: str) -> None:
    sender, receiver, place = loop
    lane.sendto(sender, data, place, count=block, note=note)
    lane.recvfrom(receiver, 256, len(data), count=block, note=note)
    lane.sendmsg(sender, [data], place, count=block, note=note)
    lane.recvmsg(receiver, [256], len(data), count=block, note=note)


def _round_of_many(lane: Lane, loop: _Loop, data: bytes, block: int) -> None:
    """As :func:`_round`, two messages a call."""
    sender, receiver, place = loop
    lane.sendmmsg(sender, [(data, place)] * 2, count=block // 2, note="cost")
    lane.recvmmsg(receiver, [256] * 2, 2, count=block // 2, note="cost")


def many_peers(stage: Stage, peers: int) -> None:
    """One byte to each of ``peers`` different addresses and ports, then to some of them again, then by a newcomer."""
    (lane,) = stage.script.actor("peers")
    fd = lane.socket(*UDP)
    ports = 64
    # Nobody listens there, and an unconnected socket is not told.
    first = stage.chance.randint(1, 100)
    targets = [
        inet(f"127.{first}.{index // ports // 250}.{1 + index // ports % 250}", 30_000 + index % ports)
        for index in range(peers)
    ]
    stage.chance.shuffle(targets)
    for number, target in enumerate(targets):
        if number % 2000 == 0:
            stage.script.break_turn()
        lane.sendto(fd, b"1", target, note="many peers")
    for target in (*targets[:8], *targets[-8:]):
        lane.sendto(fd, b"22", target, note="a peer again")
    lane.close(fd)
    _newcomer(stage)


def _newcomer(stage: Stage) -> None:
    """A process whose first event comes when there may be no room for it."""
    (lane,) = stage.script.actor("newcomer")
    place = inet(stage.host(), stage.port())
    fd = lane.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lane.bind(fd, place)
    for call in range(2):
        lane.sendto(fd, b"late", place, note=f"a newcomer, {call + 1}")
        lane.recvmsg(fd, [64], 4, note=f"a newcomer, {call + 1}")
        lane.sendmsg(fd, [b"later"], place, note=f"a newcomer, {call + 1}")
        lane.recvfrom(fd, 64, 5, note=f"a newcomer, {call + 1}")
