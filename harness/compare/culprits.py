# SPDX-License-Identifier: Apache-2.0
"""Which events led to a difference: those that, given to the oracle alone, touch the entry that differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.compare.layout import MapLayout
from harness.compare.prediction import Prediction, predicted
from harness.errors import RunError
from workloads.events import Event

#: Asking the oracle about one event takes microseconds; beyond this many the rest is left out.
MOST_ASKED = 20_000
MOST_SHOWN = 5

Predict = Callable[[Sequence[Event]], Prediction]


@dataclass(frozen=True, slots=True)
class Culprits:
    """The first events that led there, how many more there are, and whether not all events were asked about."""

    events: tuple[Event, ...] = ()
    more: int = 0


def culprits(
    key: bytes, layout: MapLayout, events: Sequence[Event], pid: int | None, predict: Predict | None
) -> Culprits:
    """The events behind ``key``: of process ``pid`` (None: of any), and touching the key where an oracle can tell."""
    suspects = [event for event in events if pid is None or event.pid == pid]
    if predict is not None:
        asked = suspects[:MOST_ASKED]
        found = [event for event in asked if _touches(event, key, layout, predict)]
        suspects = found or (suspects if pid is not None else [])
    return Culprits(tuple(suspects[:MOST_SHOWN]), max(0, len(suspects) - MOST_SHOWN))


def _touches(event: Event, key: bytes, layout: MapLayout, predict: Predict) -> bool:
    try:
        return key in predicted(predict([event]), layout).values
    except (RunError, LookupError, ValueError):
        # An event that means nothing without those before it.
        return False
