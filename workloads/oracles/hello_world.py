# SPDX-License-Identifier: Apache-2.0
"""A line for each write(2) of the one process whose id user space put into the map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the map holds after ``events``, and the lines, numbered."""
    target = dict(context.initial.get("target", {}))
    lines: list[dict[str, Any]] = []
    for event in events:
        if event.hook == "syscalls/sys_enter_write" and event.pid == target.get(0, 0):
            # The trace names the thread that printed, the program the process.
            lines += [{"pid": event.tid, "text": f"Hello World from {event.pid}"}] * event.count
    return {"target": target, "trace": dict(enumerate(lines))}
