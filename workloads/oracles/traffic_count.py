# SPDX-License-Identifier: Apache-2.0
"""Packets and bytes by source address; every frame passes as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context


class Mac(NamedTuple):
    """The key of ``traffic_by_mac``."""

    address: tuple[int, ...]


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the map holds after ``events``, and what becomes of each frame. There is room for all senders."""
    del context
    seen: dict[bytes, dict[str, int]] = {}
    passed: list[dict[str, Any]] = []
    for event in events:
        frame = event.packet or b""
        entry = seen.setdefault(frame[6:12], {"packets": 0, "bytes": 0})
        entry["packets"] += event.count
        entry["bytes"] += len(frame) * event.count
        passed += [{"action": "XDP_PASS", "frame": frame.hex()}] * event.count
    traffic = {Mac(tuple(sender)): entry for sender, entry in seen.items()}
    return {"traffic_by_mac": traffic, "packets:count_traffic": dict(enumerate(passed))}
