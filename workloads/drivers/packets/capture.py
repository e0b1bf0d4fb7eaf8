# SPDX-License-Identifier: Apache-2.0
"""Frames from capture files as tcpdump, Wireshark and scapy write them (pcap, not pcapng)."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workloads.base import WorkloadError
from workloads.drivers.packets.frames import SHORTEST, Frame, stored_frames

#: Byte orders by the file's first four bytes, which also say whether times are in micro- or nanoseconds.
_ORDERS: Final = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
_FILE_HEADER, _RECORD_HEADER, _LINK_TYPE_AT = 24, 16, 20
_ETHERNET = 1


def captured(name: str) -> list[Frame]:
    """The frames of ``NAME.pcap`` beside this module, those that are known under their names.

    Raises :class:`WorkloadError` where there is no such file, or it is of another kind or has no frames.
    """
    path = Path(__file__).with_name(f"{name}.pcap")
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise WorkloadError(f"the packets workload has no capture {name!r}: {problem.strerror}") from problem
    # Some are the same: where a frame is cut, what was behind no longer matters.
    known: dict[bytes, deque[str]] = {}
    for frame in stored_frames():
        known.setdefault(frame.data, deque()).append(frame.note)
    found = []
    for number, content in enumerate(_records(data, path.name), 1):
        notes = known.get(content)
        if len(content) >= SHORTEST:
            found.append(Frame(notes.popleft() if notes else f"packet {number} of {name}", content))
    if not found:
        raise WorkloadError(f"{path.name} holds no frame of {SHORTEST} bytes or more")
    return found


def _records(data: bytes, name: str) -> Iterator[bytes]:
    order = _ORDERS.get(data[:4])
    if order is None or len(data) < _FILE_HEADER:
        raise WorkloadError(f"{name} is no pcap file (a pcapng is converted by `tcpdump -r A -w B`)")
    (link,) = struct.unpack_from(f"{order}I", data, _LINK_TYPE_AT)
    if link != _ETHERNET:
        raise WorkloadError(f"{name} holds frames of link type {link}, not Ethernet ({_ETHERNET})")
    at = _FILE_HEADER
    while at + _RECORD_HEADER <= len(data):
        (size,) = struct.unpack_from(f"{order}I", data, at + 8)
        yield data[at + _RECORD_HEADER : at + _RECORD_HEADER + size]
        at += _RECORD_HEADER + size
