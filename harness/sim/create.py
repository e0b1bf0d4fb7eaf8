# SPDX-License-Identifier: Apache-2.0
"""Which class simulates which type of map."""

from __future__ import annotations

from typing import Final

from harness.objects.maps import MapDefinition
from harness.sim.faults import SimulationError
from harness.sim.maps import (
    ArrayMap,
    DataMap,
    HashMap,
    LpmTrieMap,
    LruHashMap,
    LruPerCpuHashMap,
    PerCpuHashMap,
    ReferenceMap,
    SimMap,
)
from harness.sim.memory import Memory
from harness.sim.queues import PerfEventArray, QueueMap, RingBuffer

_KINDS: Final[dict[str, type[SimMap]]] = {
    "hash": HashMap,
    "array": ArrayMap,
    "prog_array": ReferenceMap,
    "perf_event_array": PerfEventArray,
    "percpu_hash": PerCpuHashMap,
    "percpu_array": ArrayMap,
    "lru_hash": LruHashMap,
    "lru_percpu_hash": LruPerCpuHashMap,
    "lpm_trie": LpmTrieMap,
    "array_of_maps": ReferenceMap,
    "hash_of_maps": ReferenceMap,
    "devmap": ReferenceMap,
    "devmap_hash": ReferenceMap,
    "cpumap": ReferenceMap,
    "xskmap": ReferenceMap,
    "queue": QueueMap,
    "stack": QueueMap,
    "ringbuf": RingBuffer,
}


def create_map(definition: MapDefinition, memory: Memory, cpus: int) -> SimMap:
    """An empty map. Raises :class:`SimulationError` for a type that is not simulated."""
    if definition.is_data:
        return DataMap(definition, memory, cpus)
    kind = _KINDS.get(definition.type)
    if kind is None:
        raise SimulationError(f"map {definition.name}: type {definition.type} is not simulated")
    return kind(definition, memory, cpus)
