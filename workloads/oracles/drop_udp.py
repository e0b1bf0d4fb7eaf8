# SPDX-License-Identifier: Apache-2.0
"""A firewall: UDP over IPv4 to port 3000 is dropped, to port 3001 it goes on to port 3000, all else passes.

Up to two VLAN tags and any IP options come before the ports. What is a later fragment, or ends before its UDP header
does, passes as it is. A checksum that was right stays right, a wrong one stays as wrong as it was, none stays none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context

_PASSED, _DROPPED, _REWRITTEN = range(3)
_TAGS: Final = frozenset({0x8100, 0x88A8})
_IPV4, _UDP = 0x0800, 17
_ETHERNET, _TAG, _IP_HEADER, _UDP_HEADER = 14, 4, 20, 8
_FROM, _TO = 3001, 3000


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the counters hold after ``events``, and what becomes of each frame."""
    del context
    verdicts = {_PASSED: 0, _DROPPED: 0, _REWRITTEN: 0}
    outcomes: list[dict[str, Any]] = []
    for event in events:
        verdict, frame = judge(event.packet or b"")
        verdicts[verdict] += event.count
        action = "XDP_DROP" if verdict == _DROPPED else "XDP_PASS"
        outcomes += [{"action": action, "frame": frame.hex()}] * event.count
    counted = {verdict: number for verdict, number in verdicts.items() if number}
    return {"verdicts": counted, "packets:drop_udp": dict(enumerate(outcomes))}


def judge(frame: bytes) -> tuple[int, bytes]:
    """The verdict on a frame, and the frame afterwards."""
    at = udp_at(frame)
    port = _number(frame, at + 2) if at else 0
    if port == _TO:
        return _DROPPED, frame
    if port != _FROM:
        return _PASSED, frame
    checksum = _number(frame, at + 6)
    # The port is one less, so the sum of all words is, so its complement is one more; it counts modulo 0xffff.
    right = (checksum + _FROM - _TO) % 0xFFFF or 0xFFFF
    changed = bytearray(frame)
    changed[at + 2 : at + 4] = _TO.to_bytes(2, "big")
    if checksum:
        changed[at + 6 : at + 8] = right.to_bytes(2, "big")
    return _REWRITTEN, bytes(changed)


def udp_at(frame: bytes) -> int:
    """Where the UDP header stands, 0 where there is none that can be looked at."""
    at, kind = _ETHERNET, _number(frame, 12)
    for _ in range(2):
        if kind not in _TAGS:
            break
        if len(frame) < at + _TAG:
            return 0
        kind, at = _number(frame, at + 2), at + _TAG
    header = frame[at : at + _IP_HEADER]
    if kind != _IPV4 or len(header) < _IP_HEADER or header[0] & 15 < 5:
        return 0
    later_fragment = _number(header, 6) & 0x1FFF
    at += (header[0] & 15) * 4
    return at if header[9] == _UDP and not later_fragment and len(frame) >= at + _UDP_HEADER else 0


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")
