# SPDX-License-Identifier: Apache-2.0
"""Network devices through rtnetlink and ioctl: pairs of virtual Ethernet, up and without addresses of their own."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path

# linux/rtnetlink.h, linux/netlink.h, linux/if_link.h, linux/veth.h, linux/sockios.h, linux/if.h
_RTM_NEWLINK, _NLMSG_ERROR = 16, 2
_REQUEST, _ACK, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_IFLA_IFNAME, _IFLA_LINKINFO, _KIND, _DATA, _PEER = 3, 18, 1, 2, 1
_NO_DEVICE = struct.pack("=BxHiII", 0, 0, 0, 0, 0)  # struct ifinfomsg
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914
_UP, _NO_ARP = 0x1, 0x80
_NO_IPV6 = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")


def be_silent() -> None:
    """Devices that are made in this network namespace send nothing by themselves. Raises :class:`OSError`."""
    if _NO_IPV6.exists():
        _NO_IPV6.write_text("1", encoding="ascii")


def make_pair(one: str, other: str) -> None:
    """Two virtual Ethernet devices; what goes into one comes out of the other. Raises :class:`OSError`."""
    peer = _NO_DEVICE + _attribute(_IFLA_IFNAME, other.encode() + b"\0")
    info = _attribute(_KIND, b"veth") + _attribute(_DATA, _attribute(_PEER, peer))
    body = _NO_DEVICE + _attribute(_IFLA_IFNAME, one.encode() + b"\0") + _attribute(_IFLA_LINKINFO, info)
    header = struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, _REQUEST | _ACK | _EXCLUSIVE | _CREATE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(header + body)
        answer = netlink.recv(65536)
    kind, code = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
    if kind == _NLMSG_ERROR and code:
        raise OSError(-code, os.strerror(-code))
    for name in (one, other):
        _up(name)


def _attribute(kind: int, content: bytes) -> bytes:
    """A ``struct rtattr`` with its content, padded to four bytes."""
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


def _up(name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH22x", name.encode(), 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _GET_FLAGS, request), 16)
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH22x", name.encode(), flags | _UP | _NO_ARP))
