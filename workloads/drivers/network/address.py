# SPDX-License-Identifier: Apache-2.0
"""Socket addresses as the bytes that system calls take."""

from __future__ import annotations

import socket
import struct

#: The interface index of ``lo``, in every network namespace.
LOOPBACK_INDEX = 1


def inet(ip: str, port: int) -> bytes:
    """A ``struct sockaddr_in``, 16 bytes."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton(ip))


def inet6(ip: str, port: int) -> bytes:
    """A ``struct sockaddr_in6``, 28 bytes."""
    flow, scope = 0, 0
    packed = socket.inet_pton(socket.AF_INET6, ip)
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI16s", port, flow, packed) + struct.pack("=I", scope)


def unix(name: str) -> bytes:
    """A ``struct sockaddr_un`` in the abstract namespace, which needs no file; as long as its name."""
    return struct.pack("=H", socket.AF_UNIX) + b"\0" + name.encode()


def link(protocol: int, mac: bytes = bytes(6)) -> bytes:
    """A ``struct sockaddr_ll`` on the loopback interface, 20 bytes."""
    hardware_type, packet_type = 772, 0  # ARPHRD_LOOPBACK, PACKET_HOST
    return (
        struct.pack("=H", socket.AF_PACKET)
        + struct.pack("!H", protocol)
        + struct.pack("=iHBB8s", LOOPBACK_INDEX, hardware_type, packet_type, len(mac), mac)
    )
