# SPDX-License-Identifier: Apache-2.0
"""Helpers that work on maps (kernel ``kernel/bpf/helpers.c``, ``ringbuf.c``, ``map_iter.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.sim.faults import ProgramError
from harness.sim.helper_table import ADDRESS, Table, negative
from harness.sim.memory import M32
from harness.sim.queues import PerfEventArray, QueueMap, RingBuffer

if TYPE_CHECKING:
    from harness.sim.runtime import Runtime

TABLE: Final = Table()
EINVAL: Final = 22
EAGAIN: Final = 11
ENOENT: Final = 2
E2BIG: Final = 7
#: ``BPF_MAX_LOOPS``.
MAX_LOOPS: Final = 8 * 1024 * 1024


@TABLE.add(returns=ADDRESS)
def map_lookup_elem(rt: Runtime, table: int, key: int) -> int:
    """The address of the value or 0."""
    found = rt.map_at(table)
    return found.find(rt.memory.read(key, found.key_size))


@TABLE.add()
def map_update_elem(rt: Runtime, table: int, key: int, value: int, flags: int) -> int:
    """Insert or change."""
    found = rt.map_at(table)
    if found.update is None:
        raise ProgramError(f"map {found.name} ({found.definition.type}) has no update")
    return found.update(rt.memory.read(key, found.key_size), rt.memory.read(value, found.value_size), flags)


@TABLE.add()
def map_delete_elem(rt: Runtime, table: int, key: int) -> int:
    """Remove."""
    found = rt.map_at(table)
    return found.delete(rt.memory.read(key, found.key_size))


@TABLE.add()
def map_push_elem(rt: Runtime, table: int, value: int, flags: int) -> int:
    """Append to a queue or stack."""
    queue = _queue(rt, table)
    return queue.push(rt.memory.read(value, queue.value_size), flags)


@TABLE.add(writes=(2, 2))
def map_pop_elem(rt: Runtime, table: int, value: int) -> int:
    """Take from a queue or stack."""
    return _take(rt, table, value, remove=True)


@TABLE.add(writes=(2, 2))
def map_peek_elem(rt: Runtime, table: int, value: int) -> int:
    """Look at the next of a queue or stack."""
    return _take(rt, table, value, remove=False)


def _queue(rt: Runtime, table: int) -> QueueMap:
    found = rt.map_at(table)
    if not isinstance(found, QueueMap):
        raise ProgramError(f"map {found.name} is no queue or stack")
    return found


def _take(rt: Runtime, table: int, value: int, *, remove: bool) -> int:
    queue = _queue(rt, table)
    taken = queue.take(remove=remove)
    rt.memory.write(value, taken if taken is not None else bytes(queue.value_size))
    return 0 if taken is not None else negative(ENOENT)


@TABLE.add(returns=ADDRESS)
def map_lookup_percpu_elem(rt: Runtime, table: int, key: int, cpu: int) -> int:
    """The address of another CPU's value or 0."""
    found = rt.map_at(table)
    if cpu & M32 >= found.cpus:
        return 0
    mine, found.cpu = found.cpu, cpu & M32
    try:
        return found.find(rt.memory.read(key, found.key_size))
    finally:
        found.cpu = mine


@TABLE.add(calls_back=True)
def for_each_map_elem(rt: Runtime, table: int, callback: int, context: int, flags: int) -> int:
    """Call ``callback(map, key, value, context)`` for each element until it gives 1; the number of calls."""
    if flags:
        return negative(EINVAL)
    found, call = rt.map_at(table), rt.callback(callback)
    done = 0
    for key, _ in list(found.items()):
        value = found.find(key)
        if not value:
            continue
        done += 1
        place = rt.memory.allocate(bytearray(key))
        rt.memory.retire(place)
        if call(table, place, value, context):
            break
    return done


@TABLE.add(calls_back=True)
def loop(rt: Runtime, rounds: int, callback: int, context: int, flags: int) -> int:
    """Call ``callback(i, context)`` until it gives 1; the number of calls."""
    rounds &= M32
    if flags:
        return negative(EINVAL)
    if rounds > MAX_LOOPS:
        return negative(E2BIG)
    call = rt.callback(callback)
    for index in range(rounds):
        if call(index, context):
            return index + 1
    return rounds


def _ring(rt: Runtime, table: int) -> RingBuffer:
    found = rt.map_at(table)
    if not isinstance(found, RingBuffer):
        raise ProgramError(f"map {found.name} is no ring buffer")
    return found


def _ring_of(rt: Runtime, record: int) -> RingBuffer:
    for found in rt.maps.values():
        if isinstance(found, RingBuffer) and found.holds(record):
            return found
    raise ProgramError(f"{record:#x} is no reserved record")


@TABLE.add()
def ringbuf_output(rt: Runtime, table: int, data: int, size: int, flags: int) -> int:
    """Write a whole record."""
    if flags & ~3:
        return negative(EINVAL)
    ring = _ring(rt, table)
    address = ring.reserve(size)
    if not address:
        return negative(EAGAIN)
    rt.memory.write(address, rt.memory.read(data, size))
    ring.commit(address, discard=False)
    return 0


@TABLE.add(returns=ADDRESS)
def ringbuf_reserve(rt: Runtime, table: int, size: int, flags: int) -> int:
    """The address of a record to fill or 0."""
    return 0 if flags else _ring(rt, table).reserve(size)


@TABLE.add()
def ringbuf_submit(rt: Runtime, record: int, flags: int) -> int:
    """Publish a record."""
    del flags
    _ring_of(rt, record).commit(record, discard=False)
    return 0


@TABLE.add()
def ringbuf_discard(rt: Runtime, record: int, flags: int) -> int:
    """Give a record back."""
    del flags
    _ring_of(rt, record).commit(record, discard=True)
    return 0


@TABLE.add()
def ringbuf_query(rt: Runtime, table: int, what: int) -> int:
    """Unread bytes (0), size (1), positions (2, 3: not followed, 0)."""
    ring = _ring(rt, table)
    return {0: ring.used, 1: ring.max_entries}.get(what, 0)


@TABLE.add()
def perf_event_output(rt: Runtime, context: int, table: int, flags: int, data: int, size: int) -> int:
    """Write a record to the perf ring of this CPU (or of the CPU in ``flags``)."""
    del context
    found = rt.map_at(table)
    if not isinstance(found, PerfEventArray):
        raise ProgramError(f"map {found.name} is no perf event array")
    cpu = rt.task.cpu if flags & M32 == M32 else flags & M32
    record = rt.memory.read(data, size)
    extra = flags >> 32 & 0xFFFFF
    if extra:
        # The kernel appends the first bytes of the packet.
        record += rt.the_packet().data[:extra]
    found.records.append((cpu, record))
    return 0


@TABLE.add()
def spin_lock(rt: Runtime, lock: int) -> int:
    """Nothing: programs run one after the other."""
    del rt, lock
    return 0


@TABLE.add()
def spin_unlock(rt: Runtime, lock: int) -> int:
    """Nothing, likewise."""
    del rt, lock
    return 0
