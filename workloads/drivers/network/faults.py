# SPDX-License-Identifier: Apache-2.0
"""Calls with pointers that lead nowhere or end too soon, and numbers that do not fit."""

from __future__ import annotations

import errno
import socket
import struct

from workloads.drivers.network.address import inet, unix
from workloads.drivers.network.script import Lane, message_header
from workloads.drivers.network.stage import Stage

_NOT_CANONICAL = 0xDEAD_0000_0000_0000
_KERNEL_SPACE = 0xFFFF_8880_0000_0000
_FAULT = -errno.EFAULT
_HEADER_SIZE = 56  # sizeof(struct user_msghdr)


def faults(stage: Stage) -> None:
    """All of them, in two threads of a process of their own."""
    lane, other = stage.script.actor("faulty", "faulty-2")
    place = inet(stage.host(), stage.port())
    receiver = lane.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lane.bind(receiver, place)
    sender = lane.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connected = lane.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lane.connect(connected, place)
    _addresses(lane, sender, receiver, place)
    _numbers(other, sender)
    _headers(lane, sender, connected, receiver, place)
    _names(other, sender, connected, receiver, place)
    _receiving(lane, sender, receiver, place)
    lane.close(sender, connected, receiver)


def _addresses(lane: Lane, sender: int, receiver: int, place: bytes) -> None:
    """``sendto`` with an address that cannot be read, or only in part."""
    data = lane.base + 0x1000
    payload = (data, bytes(16))
    for pointer, what in (
        (lane.unmapped, "an unmapped address"),
        (1, "address 1"),
        (_NOT_CANONICAL, "an address that is not canonical"),
        (_KERNEL_SPACE, "an address of the kernel"),
    ):
        lane.call("sendto", sender, data, 7, 0, pointer, 16, ret=_FAULT, memory=[payload], note=f"sendto, {what}")
    for readable, ret in ((1, _FAULT), (2, _FAULT), (4, _FAULT), (15, _FAULT), (16, 9)):
        at = lane.edge - readable
        lane.call("sendto", sender, data, 9, 0, at, 16, ret=ret, memory=[payload, (at, place[:readable])],
                  note=f"sendto, {readable} bytes of the address can be read")  # fmt: skip
    lane.recvfrom(receiver, 64, 9, note="what arrived of it")
    at = lane.edge - 8
    lane.call("sendto", sender, data, 11, 0, at, 8, ret=-errno.EINVAL, memory=[payload, (at, place[:8])],
              note="sendto, half an address that says it is one")  # fmt: skip
    name = unix("short")
    at = lane.edge - len(name)
    lane.call("sendto", sender, data, 12, 0, at, len(name), ret=-errno.EINVAL, memory=[payload, (at, name)],
              note="sendto, a short Unix address at the end of a page")  # fmt: skip
    unspecified = struct.pack("=H", socket.AF_UNSPEC) + place[2:]
    lane.sendto(sender, b"no family", unspecified, note="sendto, AF_UNSPEC")
    lane.recvfrom(receiver, 64, 9, note="what arrived of it")


def _numbers(lane: Lane, sender: int) -> None:
    """Lengths beyond 32 and 63 bits, pointers to no data, descriptors that are none."""
    data = lane.base + 0x1000
    target = inet("127.0.0.1", 9)
    at = lane.base
    memory = [(at, target.ljust(32, b"\0")), (data, bytes(64))]
    for length in (1 << 16, (1 << 32) + 5, (1 << 63) + 1, (1 << 64) - 1):
        lane.call("sendto", sender, data, length, 0, at, 16, ret=-errno.EMSGSIZE, memory=memory,
                  note=f"sendto of {length} bytes")  # fmt: skip
    lane.call("sendto", sender, lane.unmapped, 21, 0, at, 16, ret=_FAULT, memory=memory, note="sendto, unmapped data")
    nowhere = (1 << 64) - 1
    lane.call("sendto", nowhere, data, 22, 0, at, 16, ret=-errno.EBADF, memory=memory, note="sendto, descriptor -1")
    lane.call("recvfrom", nowhere, lane.buffer, 23, 0, 0, 0, ret=-errno.EBADF, note="recvfrom, descriptor -1")
    lane.call("recvfrom", nowhere, lane.buffer, (1 << 32) + 6, 0, 0, 0, ret=-errno.EBADF, note="recvfrom, 2^32 + 6")


def _headers(lane: Lane, sender: int, connected: int, receiver: int, place: bytes) -> None:
    """``sendmsg`` and ``recvmsg`` with a header that is not there, or not all of it."""
    for name, pointer, what in (
        ("sendmsg", 0, "NULL"), ("recvmsg", 0, "NULL"),
        ("sendmsg", lane.unmapped, "an unmapped header"), ("recvmsg", lane.unmapped, "an unmapped header"),
        ("sendmsg", 8, "address 8"), ("recvmsg", 8, "address 8"),
    ):  # fmt: skip
        lane.call(name, connected, pointer, 0, ret=_FAULT, note=f"{name}, {what}")
    data, vectors, address = lane.base + 0x1000, lane.base + 0x400, lane.base
    header = message_header(address, len(place), vectors, 1)
    rest = [(data, bytes(16)), (vectors, struct.pack("=QQ", data, 13)), (address, place.ljust(32, b"\0"))]
    for readable, ret in ((8, _FAULT), (48, _FAULT), (_HEADER_SIZE, 13)):
        at = lane.edge - readable
        lane.call("sendmsg", sender, at, 0, ret=ret, memory=[(at, header[:readable]), *rest],
                  note=f"sendmsg, {readable} bytes of the header can be read")  # fmt: skip
    at = lane.edge - _HEADER_SIZE
    vector = [(vectors, struct.pack("=QQ", lane.buffer, 64))]
    lane.call("recvmsg", receiver, at, 0, ret=13, memory=[(at, message_header(0, 0, vectors, 1)), *vector],
              note="recvmsg, a header at the end of a page")  # fmt: skip


def _names(lane: Lane, sender: int, connected: int, receiver: int, place: bytes) -> None:
    """``sendmsg`` with a ``msg_name`` that cannot be read, is not meant, or is of another family."""
    for pointer, length, readable, ret, what in (
        (lane.unmapped, 16, 0, _FAULT, "an unmapped name"),
        (lane.edge - 1, 16, 1, _FAULT, "1 byte of the name"),
        (lane.edge - 2, 16, 2, _FAULT, "the family of the name"),
        (lane.edge - 15, 16, 15, _FAULT, "15 bytes of the name"),
        (lane.edge - 16, 16, 16, 14, "just the name"),
    ):
        memory = [(pointer, place[:readable])] if readable else []
        _named(lane, sender, pointer, length, ret=ret, memory=memory, what=what)
    lane.recvmsg(receiver, [64], 14, note="what arrived of it")
    address = [(lane.base, place.ljust(32, b"\0"))]
    _named(lane, connected, lane.base, 0, ret=14, memory=address, what="a name of length 0")
    lane.recvmsg(receiver, [64], 14, note="what arrived of it")
    other = [(lane.base, unix("other").ljust(32, b"\0"))]
    what = "a Unix name on a UDP socket"
    _named(lane, sender, lane.base, len(unix("other")), ret=-errno.EINVAL, memory=other, what=what)


def _named(
    lane: Lane, fd: int, name: int, length: int, *, ret: int, memory: list[tuple[int, bytes]], what: str
) -> None:
    data, vectors, at = lane.base + 0x1000, lane.base + 0x400, lane.base + 0x200
    header = message_header(name, length, vectors, 1).ljust(128, b"\0")
    fixed = [(data, bytes(16)), (at, header), (vectors, struct.pack("=QQ", data, 14))]
    lane.call("sendmsg", fd, at, 0, ret=ret, memory=[*fixed, *memory], note=f"sendmsg, {what}")


def _receiving(lane: Lane, sender: int, receiver: int, place: bytes) -> None:
    """Nowhere to put what was received."""
    lane.sendto(sender, b"lost", place, note="for an unmapped buffer")
    lane.call("recvfrom", receiver, lane.unmapped, 64, 0, 0, 0, ret=_FAULT, note="recvfrom, an unmapped buffer")
    vectors, at = lane.unmapped, lane.base + 0x200
    for name in ("sendmsg", "recvmsg"):
        header = message_header(0, 0, vectors, 1).ljust(128, b"\0")
        lane.call(name, receiver, at, 0, ret=_FAULT, memory=[(at, header)], note=f"{name}, unmapped iovecs")
    many = message_header(0, 0, vectors, 2000).ljust(128, b"\0")
    lane.call("sendmsg", sender, at, 0, ret=-errno.EMSGSIZE, memory=[(at, many)], note="sendmsg, too many iovecs")
