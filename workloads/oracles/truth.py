# SPDX-License-Identifier: Apache-2.0
"""What really moved, from the return values: what a monitor should tell, whatever one does tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workloads.events import Event

_PREFIX = "syscalls/sys_enter_"
_SENDING = frozenset({"sendto", "sendmsg"})
_RECEIVING = frozenset({"recvfrom", "recvmsg"})


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
        elif call in _SENDING:
            moved.bytes_sent += (event.moved or 0) * event.count
            moved.packets_sent += event.count
        else:
            moved.bytes_recv += (event.moved or 0) * event.count
            moved.packets_recv += event.count
    return out
