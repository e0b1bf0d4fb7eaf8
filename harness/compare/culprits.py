# SPDX-License-Identifier: Apache-2.0
"""Which events led to a difference: those that, given to the oracle alone, touch the entry that differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.compare.layout import MapLayout
from harness.compare.prediction import Prediction, encode_key
from workloads.events import Event

#: Asking the oracle about one event takes some ten microseconds; events beyond this many are left out.
MOST_ASKED = 150_000
MOST_SHOWN = 5

#: An oracle that knows its context.
Predict = Callable[[Sequence[Event]], Prediction]


@dataclass(frozen=True, slots=True)
class Culprits:
    """The first events that led there, and how many more there are."""

    events: tuple[Event, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Touched:
    """For each map and key, as the oracle writes it, the events that touch it by themselves."""

    by_map: Mapping[str, Mapping[object, Sequence[Event]]] = field(default_factory=dict)

    def events(self, layout: MapLayout, key: bytes) -> Sequence[Event]:
        """The events that touch ``key``."""
        for known, events in self.by_map.get(layout.name, {}).items():
            if encode_key(layout, known) == key:
                return events
        return ()


def touched(events: Sequence[Event], predict: Predict) -> Touched:
    """Ask the oracle about each event alone."""
    by_map: dict[str, dict[object, list[Event]]] = {}
    for event in events[:MOST_ASKED]:
        for name, entries in predict([event]).items():
            for key in entries:
                by_map.setdefault(name, {}).setdefault(key, []).append(event)
    return Touched(by_map)


def culprits(key: bytes, layout: MapLayout, found: Touched, events: Sequence[Event], pid: int | None) -> Culprits:
    """The events behind ``key``; where the oracle knows of none, those of process ``pid`` (None: unknown)."""
    suspects = found.events(layout, key)
    if not suspects and pid is not None:
        suspects = [event for event in events if event.pid == pid]
    return Culprits(tuple(suspects[:MOST_SHOWN]), max(0, len(suspects) - MOST_SHOWN))
