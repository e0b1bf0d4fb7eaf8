# SPDX-License-Identifier: Apache-2.0
"""Raw sockets and frames on the link: packets whose headers the sender writes."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from workloads.drivers.network.address import inet, link
from workloads.drivers.network.packets import ICMP, IP, LINK, Packet
from workloads.drivers.network.script import Lane
from workloads.drivers.network.stage import Stage

_ETH_P_IP, _ETH_P_EXPERIMENT = 0x0800, 0x88B6  # linux/if_ether.h; the second is IEEE local experimental 2
_IP_HEADER = 20


def crafted(stage: Stage, packets: Sequence[Packet]) -> None:
    """Send ``packets`` in an order of chance by a process of their own, some with ``sendmsg``."""
    (lane,) = stage.script.actor("crafted")
    icmp = lane.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ip = lane.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    frames = lane.socket(socket.AF_PACKET, socket.SOCK_RAW)
    lane.bind(frames, link(0))
    _echo(lane, icmp, next(packet for packet in packets if packet.way == ICMP))
    order = stage.chance.sample(list(packets), len(packets))
    loopback = inet("127.0.0.1", 0)
    for packet in order:
        ret = -getattr(errno, packet.error) if packet.error else None
        fd, address = {ICMP: (icmp, loopback), IP: (ip, loopback), LINK: (frames, link(_ETH_P_IP))}[packet.way]
        if stage.chance.random() < 0.3:
            middle = len(packet.data) // 2
            parts = [packet.data[:middle], packet.data[middle:]]
            lane.sendmsg(fd, parts, address, ret=ret, note=f"crafted, sendmsg: {packet.name}")
        else:
            lane.sendto(fd, packet.data, address, ret=ret, note=f"crafted: {packet.name}")
    frame = next(packet for packet in packets if packet.way == LINK)
    lane.sendto(frames, frame.data, note="crafted: a frame to where the socket is bound")
    cooked = lane.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    lane.sendto(cooked, frame.data[14:], link(_ETH_P_IP), note="crafted: the kernel adds the frame's header")
    _listen_on_link(stage, lane, frames)
    lane.close(icmp, ip, frames, cooked)


def _echo(lane: Lane, icmp: int, request: Packet) -> None:
    """A ping: a raw ICMP socket on the loopback hears its own request and then the answer."""
    lane.sendto(icmp, request.data, inet("127.0.0.1", 0), note="crafted: a ping")
    for what in ("request", "answer"):
        lane.recvfrom(icmp, 1500, _IP_HEADER + len(request.data), source=True, note=f"crafted: the ping's {what}")


def _listen_on_link(stage: Stage, lane: Lane, frames: int) -> None:
    """A packet socket for frames of a type that nobody else sends."""
    tap = lane.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_EXPERIMENT))
    frame = bytes(12) + _ETH_P_EXPERIMENT.to_bytes(2, "big") + stage.bytes(20, 40)
    for _ in range(2):
        lane.sendto(frames, frame, link(_ETH_P_EXPERIMENT), note="crafted: for the tap")
    lane.recvfrom(tap, 2048, len(frame), source=True, note="crafted: the tap")
    lane.recvmsg(tap, [14, 2034], len(frame), source=True, note="crafted: the tap")
    lane.close(tap)
