# SPDX-License-Identifier: Apache-2.0
"""A network of the actors' own, so that nothing they send meets the machine's traffic, ports or firewall."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914  # linux/sockios.h
_IFF_UP = 1


def leave_network() -> str:
    """Give this process a network namespace of its own; "" on success, else why not.

    Threads that are started later get it too, those that run already do not.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    return "" if libc.unshare(_CLONE_NEWNET) == 0 else os.strerror(ctypes.get_errno())


def join_network(pid: int) -> None:
    """Enter the network namespace of process ``pid``. Raises :class:`OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, _CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(fd)


def loopback_up() -> None:
    """Bring ``lo`` up if it is down. Raises :class:`OSError`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH22x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
        if not flags & _IFF_UP:
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))
