# SPDX-License-Identifier: Apache-2.0
"""The process ids that signal 9 was sent to: 1 for each, but an entry that is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context

_SIGKILL = 9


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the map holds after ``events``."""
    killed: dict[int, int] = dict(context.initial.get("killed", {}))
    for event in events:
        if event.hook != "syscalls/sys_enter_kill" or event.args[1] != _SIGKILL:
            continue
        pid = event.args[0] & 0xFFFF_FFFF
        if pid not in killed and len(killed) < context.room("killed"):
            killed[pid] = 1
    return {"killed": dict(killed)}
