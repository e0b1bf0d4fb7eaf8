# SPDX-License-Identifier: Apache-2.0
"""Maps as the kernel keeps them: look-up, update, deletion, capacity and error numbers (kernel/bpf/hashtab.c,
arraymap.c, ringbuf.c). Keys and values are bytes here.

Two simplifications: which entry a full LRU map drops is the one used longest ago (the kernel approximates that), and
memory of an entry that has been replaced is not reused while a reference to it is held.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from honey.ir.nodes import MapDef, MapKind
from honey.simulation.memory import Pointer, SimulationError

ENOENT, E2BIG, EAGAIN, EEXIST, EINVAL = 2, 7, 11, 17, 22
BPF_ANY, BPF_NOEXIST, BPF_EXIST = 0, 1, 2
RING_HEADER = 8

PER_CPU = {MapKind.PERCPU_HASH, MapKind.PERCPU_ARRAY, MapKind.LRU_PERCPU_HASH}
ARRAYS = {MapKind.ARRAY, MapKind.PERCPU_ARRAY}
LRU = {MapKind.LRU_HASH, MapKind.LRU_PERCPU_HASH}


@dataclass(slots=True)
class KeyedMap:
    """A hash or an array; an entry is one buffer per CPU, or just one."""

    definition: MapDef
    cpus: int
    entries: OrderedDict[bytes, list[bytearray]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        if self.is_array:
            for index in range(self.definition.max_entries):
                self.entries[index.to_bytes(4, "little")] = self._new()

    @property
    def is_array(self) -> bool:
        """Whether the keys are indices, all of which are always there."""
        return self.definition.kind in ARRAYS

    @property
    def per_cpu(self) -> bool:
        """Whether each CPU has its own values."""
        return self.definition.kind in PER_CPU

    @property
    def value_size(self) -> int:
        """Bytes of a value."""
        return self.definition.value.size if self.definition.value is not None else 0

    def lookup(self, key: bytes, cpu: int = 0) -> Pointer | None:
        """The stored value, as ``bpf_map_lookup_elem`` gives it on ``cpu``."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        if self.definition.kind in LRU:
            self.entries.move_to_end(key)
        return Pointer(entry[cpu if self.per_cpu else 0])

    def update(self, key: bytes, value: bytes, flags: int, cpu: int = 0) -> int:
        """0 or -errno, as ``bpf_map_update_elem`` on ``cpu``."""
        entry = self.entries.get(key)
        if flags > BPF_EXIST:
            return -EINVAL
        if self.is_array:
            if entry is None:
                return -E2BIG
            if flags == BPF_NOEXIST:
                return -EEXIST
        elif entry is not None and flags == BPF_NOEXIST:
            return -EEXIST
        elif entry is None and flags == BPF_EXIST:
            return -ENOENT
        elif entry is None and len(self.entries) >= self.definition.max_entries and not self._evict():
            return -E2BIG
        if entry is None or not (self.is_array or self.per_cpu):
            entry = self.entries[key] = self._new()
        entry[cpu if self.per_cpu else 0][:] = value
        if self.definition.kind in LRU:
            self.entries.move_to_end(key)
        return 0

    def delete(self, key: bytes) -> int:
        """0 or -errno, as ``bpf_map_delete_elem``."""
        if self.is_array:
            return -EINVAL
        return 0 if self.entries.pop(key, None) is not None else -ENOENT

    def items(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Keys and values (one for each CPU, or just one)."""
        for key, entry in self.entries.items():
            yield key, [bytes(buffer) for buffer in entry]

    def _new(self) -> list[bytearray]:
        return [bytearray(self.value_size) for _ in range(self.cpus if self.per_cpu else 1)]

    def _evict(self) -> bool:
        if self.definition.kind not in LRU:
            return False
        self.entries.popitem(last=False)
        return True


@dataclass(slots=True)
class Record:
    """A record of a ring buffer; ``state`` is reserved, submitted or discarded."""

    buffer: bytearray
    state: str = "reserved"

    @property
    def space(self) -> int:
        """Bytes that it takes up."""
        return -(-(len(self.buffer) + RING_HEADER) // 8) * 8


@dataclass(slots=True)
class RingBuffer:
    """A ring buffer; records take up space until they are consumed."""

    definition: MapDef
    pending: list[Record] = field(default_factory=list)

    def reserve(self, size: int) -> Pointer | None:
        """A record of ``size`` bytes, or ``None`` where there is no room."""
        record = Record(bytearray(size))
        if sum(one.space for one in self.pending) + record.space > self.definition.max_entries - 1:
            return None
        self.pending.append(record)
        return Pointer(record.buffer)

    def finish(self, pointer: Pointer, *, discard: bool) -> None:
        """Submit or discard a reserved record."""
        for record in self.pending:
            if record.buffer is pointer.buffer and record.state == "reserved":
                record.state = "discarded" if discard else "submitted"
                return
        raise SimulationError(f"a record of {self.definition.name} is finished twice")

    def discard_open(self) -> None:
        """Discard what is still reserved, as an exception does."""
        for record in self.pending:
            if record.state == "reserved":
                record.state = "discarded"

    def output(self, data: bytes) -> int:
        """0 or -errno, as ``bpf_ringbuf_output``."""
        pointer = self.reserve(len(data))
        if pointer is None:
            return -EAGAIN
        pointer.store(data)
        self.finish(pointer, discard=False)
        return 0

    def consume(self) -> list[bytes]:
        """The submitted records up to the first that is still being written; their space becomes free."""
        out: list[bytes] = []
        while self.pending and self.pending[0].state != "reserved":
            record = self.pending.pop(0)
            if record.state == "submitted":
                out.append(bytes(record.buffer))
        return out
