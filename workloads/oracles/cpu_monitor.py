# SPDX-License-Identifier: Apache-2.0
"""User time of processes, as far as it is known: what was computed; who sleeps or makes calls has next to none.

What the calls take in the kernel is the kernel's affair, and is not predicted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context

_COMPUTE: Final = "work/compute"


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """The times that are known after ``events``; for runs without a kernel, none."""
    del context
    times: dict[int, dict[str, int]] = {}
    for event in events:
        if event.hook == _COMPUTE and event.ret is not None:
            found = times.setdefault(event.tid, {"user_ns": 0})
            found["user_ns"] += event.ret * event.count
    return {"cpu_times": dict(times)} if times else {}
