# SPDX-License-Identifier: Apache-2.0
"""What really moved, from the return values: what a monitor should tell, whatever one does tell."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from workloads.events import Event

_PREFIX = "syscalls/sys_enter_"
_SENDING = frozenset({"sendto", "sendmsg", "sendmmsg"})
_RECEIVING = frozenset({"recvfrom", "recvmsg", "recvmmsg"})
_MANY = frozenset({"sendmmsg", "recvmmsg"})
_MMSGHDR, _LENGTH_AT = 64, 56


@dataclass(slots=True)
class Moved:
    """Bytes and calls of one process, successful calls only; ``failed`` counts the others, in both directions."""

    bytes_sent: int = 0
    bytes_recv: int = 0
    packets_sent: int = 0
    packets_recv: int = 0
    failed: int = 0


def truth(events: Iterable[Event]) -> dict[int, Moved]:
    """What each process moved through sockets, by pid."""
    out: dict[int, Moved] = {}
    for event in events:
        call = event.hook.removeprefix(_PREFIX)
        if event.ret is None or call not in _SENDING | _RECEIVING:
            continue
        moved = out.setdefault(event.pid, Moved())
        if event.ret < 0:
            moved.failed += event.count
            continue
        size, messages = _many(event) if call in _MANY else (event.moved or 0, 1)
        if call in _SENDING:
            moved.bytes_sent += size * event.count
            moved.packets_sent += messages * event.count
        else:
            moved.bytes_recv += size * event.count
            moved.packets_recv += messages * event.count
    return out


def _many(event: Event) -> tuple[int, int]:
    """Bytes and messages of a call for many, from the lengths that the kernel wrote into the headers."""
    after = event.fields.get("after", [])
    headers = bytes.fromhex(after[0][1]) if after else b""
    lengths = [headers[at : at + 4] for at in range(_LENGTH_AT, len(headers), _MMSGHDR)][: event.ret or 0]
    return sum(int.from_bytes(length, sys.byteorder) for length in lengths), event.ret or 0
