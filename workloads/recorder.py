# SPDX-License-Identifier: Apache-2.0
"""Collects what a drive really did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from workloads.events import Event


@dataclass(slots=True)
class Recorder:
    """What was done: ``events`` in order, the ``pids`` and ``tids`` that did it, and what went otherwise.

    ``deviations`` are sentences about calls that did not return what the plan expects. They are no failure: the events
    tell what happened, and a kernel may lack, say, IPv6. ``notes`` are other remarks on how the drive was done.
    ``on_ready`` is called when the processes exist but have done nothing yet that counts, with the pid of each actor.
    """

    events: list[Event] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    tids: list[int] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    on_ready: Callable[[Mapping[str, int]], None] | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Append ``events``."""
        self.events.extend(events)

    def ready(self, actors: Mapping[str, int]) -> None:
        """The actors, by name with their pids, are there and wait."""
        if self.on_ready is not None:
            self.on_ready(actors)
