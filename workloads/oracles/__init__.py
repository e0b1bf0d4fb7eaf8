# SPDX-License-Identifier: Apache-2.0
"""Models of what programs should leave in their maps, written from the words of their specification alone.

An oracle is a function ``predict(events, context) -> {map: {key: value}}``. A number is an ``int``; a struct is a named
tuple as a key and a ``dict`` by field name as a value, without padding. Fields that nobody can predict (times) are left
out of the values; one of which only bounds are known is :class:`Between`. Keys stand in the order in which their
entries came to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from workloads.base import WorkloadError
from workloads.events import Event

Contents = dict[str, dict[Any, Any]]


class Between(NamedTuple):
    """A number of which only bounds can be known."""

    low: int
    high: int

    def __str__(self) -> str:
        """The bounds in words."""
        return f"{self.low} to {self.high}"


_MODULES = {
    "count_syscalls": "workloads.oracles.count_syscalls",
    "cpu_monitor": "workloads.oracles.cpu_monitor",
    "disk_monitor": "workloads.oracles.disk_monitor",
    "drop_udp": "workloads.oracles.drop_udp",
    "exec_ring": "workloads.oracles.exec_ring",
    "force_kill": "workloads.oracles.force_kill",
    "hello_world": "workloads.oracles.hello_world",
    "memory_monitor": "workloads.oracles.memory_monitor",
    "network_monitor": "workloads.oracles.network_monitor",
    "network_monitor_exact": "workloads.oracles.network_monitor_exact",
    "traffic_count": "workloads.oracles.traffic_count",
}

_UNLIMITED = 1 << 32


@dataclass(frozen=True, slots=True)
class Context:
    """What an oracle has to know besides the events.

    ``max_entries`` is each map's size; a map that is not named there never gets full. ``occupied`` says how many
    entries of a map other processes made, so that the workload's cannot be there. ``start_ns`` and ``end_ns`` are the
    run's time. ``initial`` is what user space puts into maps beforehand.
    """

    max_entries: Mapping[str, int] = field(default_factory=dict)
    occupied: Mapping[str, int] = field(default_factory=dict)
    start_ns: int = 0
    end_ns: int = 0
    initial: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def room(self, name: str) -> int:
        """How many entries of the workload's own fit into a map."""
        return self.max_entries.get(name, _UNLIMITED) - self.occupied.get(name, 0)


#: Maps without limits and without anybody else: whoever knows better cuts the prediction, whose keys are in order.
NO_CONTEXT = Context()


class Predict(Protocol):
    """What an oracle is."""

    def __call__(self, events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
        """What the maps hold after ``events``."""
        ...


def names() -> tuple[str, ...]:
    """All oracles, in alphabetical order."""
    return tuple(sorted(_MODULES))


def get(name: str) -> Predict:
    """The oracle called ``name``. Raises :class:`WorkloadError` if there is none."""
    if name not in _MODULES:
        raise WorkloadError(f"there is no oracle {name!r}; there are: {', '.join(names())}")
    predict: Predict = import_module(_MODULES[name]).predict
    return predict
