# SPDX-License-Identifier: Apache-2.0
"""When the workload's CPU stood still: a guest whose host had no time for it, a machine that was suspended.

Two programs on one event take the time one after the other. What lies in between is microseconds, unless the CPU stops
there; then both times are right, and far apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: How often a thread of the agent, on the workload's CPU, looks at the clock, and how late it must be for a stall.
_EVERY_S = 0.01
_LATE_NS = 30_000_000


@dataclass(frozen=True, slots=True)
class Stalls:
    """``found`` has the first and the last moment of each stall, in nanoseconds of the monotonic clock."""

    found: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def watch_for_stalls() -> Iterator[Stalls]:
    """Notes stalls until the end of the block. The thread runs where the agent does."""
    stalls, end = Stalls(), threading.Event()

    def look() -> None:
        before, over = time.monotonic_ns(), False
        while not over:
            over = end.wait(_EVERY_S)
            now = time.monotonic_ns()
            if now - before > _LATE_NS:
                stalls.found.append((before, now))
            before = now

    thread = threading.Thread(target=look, name="stalls", daemon=True)
    thread.start()
    try:
        yield stalls
    finally:
        end.set()
        thread.join()
