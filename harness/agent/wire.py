# SPDX-License-Identifier: Apache-2.0
"""A wire for XDP programs: frames are really sent, through a pair of virtual Ethernet devices, and caught behind it.

The program is attached to the receiving device, as it would be to a network card's. What comes through is seen by a
packet socket behind the program, what is sent back by the one in front of it; what is seen by neither was dropped. Each
wire lies in a network namespace that nobody else is in, and that lives as long as the wire's sockets do.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import threading
import time
from contextlib import ExitStack

from harness.agent import bpf
from harness.agent.netlink import be_silent, make_pair

ABORTED, DROP, PASS, TX = 0, 1, 2, 3  # enum xdp_action
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, linux/sched.h
_ALL = 0x0003  # ETH_P_ALL, linux/if_ether.h
_SOL_PACKET, _AUXDATA, _OUTGOING = 263, 8, 4  # linux/if_packet.h
_TAGGED, _TAG_TYPE_KNOWN = 1 << 4, 1 << 6
_AUX = struct.Struct("=IIIHHHH")
_VLAN_TYPES = (0x8100, 0x88A8)
_ETHERNET, _TAG_AND_TYPE = 14, 6
_MOST = 65536
#: How long the kernel may take to run the program, s.
_PATIENCE_S = 10.0
#: How long a frame may take from there to the socket, s: the same CPU takes it there before it does anything else.
_GRACE_S = 0.05


class WireError(Exception):
    """There can be no wire here; the message says why."""


class Wire:
    """A program between two devices. :meth:`close` takes all of it away."""

    def __init__(self, program_fd: int) -> None:
        """Attach the program. Raises :class:`WireError`."""
        self._program_fd = program_fd
        self._release = ExitStack()
        failed: list[OSError] = []
        # Only this thread changes its network; what it opens stays there.
        thread = threading.Thread(target=self._make, args=(failed,))
        thread.start()
        thread.join()
        if failed:
            self.close()
            raise WireError(failed[0].strerror or str(failed[0]))

    def _make(self, failed: list[OSError]) -> None:
        try:
            _leave_network()
            be_silent()
            make_pair("front", "behind")
            self._front, self._behind = (self._tap(name) for name in ("front", "behind"))
            link = bpf.attach_xdp(self._program_fd, socket.if_nametoindex("behind"))
            self._release.callback(os.close, link)
        except OSError as problem:
            failed.append(problem)

    def _tap(self, name: str) -> socket.socket:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        self._release.callback(tap.close)
        tap.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        tap.bind((name, _ALL))
        tap.setblocking(False)
        return tap

    def close(self) -> None:
        """Detach the program, and close the sockets: with the last of them the devices go."""
        self._release.close()

    def run(self, frame: bytes) -> tuple[int, bytes] | None:
        """Send a frame; gives the program's action and the frame afterwards.

        ``None`` where a wire cannot carry the frame, or not show what became of it. A frame that was aborted is not
        told from one that was dropped. Raises :class:`TimeoutError` if the program does not run; statistics must be on.
        """
        if not carriable(frame):
            return None
        before = self._runs()
        try:
            self._front.send(frame)
        except OSError:
            return None
        deadline = time.monotonic() + _PATIENCE_S
        while self._runs() == before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the program did not run within {_PATIENCE_S:g} s")
            time.sleep(0.0005)
        ready, _, _ = select.select([self._front, self._behind], [], [], _GRACE_S)
        for tap, action in ((self._behind, PASS), (self._front, TX)):
            caught = _receive(tap) if tap in ready else None
            if caught is not None:
                return action, caught
        return DROP, frame

    def _runs(self) -> int:
        return bpf.program_info(self._program_fd).run_cnt


def _leave_network() -> None:
    """Give this thread a network of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def carriable(frame: bytes) -> bool:
    """Whether a frame reaches a socket behind the program: the kernel takes tags off first, and needs all of them."""
    if len(frame) <= _ETHERNET:
        return False
    return int.from_bytes(frame[12:14], "big") not in _VLAN_TYPES or len(frame) >= _ETHERNET + _TAG_AND_TYPE


def _receive(tap: socket.socket) -> bytes | None:
    """The frame that came in, with the tag that the kernel has taken off; ``None`` if it went out, or was none."""
    try:
        data, ancillary, _, address = tap.recvmsg(_MOST, 256)
    except BlockingIOError:
        return None
    if address[2] == _OUTGOING:
        return _receive(tap)
    for level, kind, content in ancillary:
        if (level, kind) == (_SOL_PACKET, _AUXDATA):
            status, _, _, _, _, tag, tag_type = _AUX.unpack_from(content)
            if status & _TAGGED:
                tag_type = tag_type if status & _TAG_TYPE_KNOWN else _VLAN_TYPES[0]
                return data[:12] + struct.pack("!HH", tag_type, tag) + data[12:]
    return data
