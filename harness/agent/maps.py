# SPDX-License-Identifier: Apache-2.0
"""Reading and emptying maps, kind by kind, in bulk where the kernel can."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.agent import bpf

_KEYED = frozenset({"hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "lpm_trie", "stack_trace"})
_INDEXED = frozenset({"array", "percpu_array"})
_POPPED = frozenset({"queue", "stack"})
_BATCH = 4096
_ENOTSUPP = 524
_NO_BATCH = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, _ENOTSUPP})

BatchReader = Callable[[int, bpf.Batch], tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class BpfMap:
    """A map of a loaded object. ``value_bytes`` is what one value takes when read: all CPUs for per-CPU kinds.

    ``initial`` is the contents right after loading: what "empty" means for this map.
    """

    name: str
    fd: int
    info: bpf.MapInfo
    value_bytes: int
    initial: bytes = field(default=b"", repr=False)

    @property
    def readable(self) -> bool:
        """Whether entries can be listed; ring buffers are streams, maps of programs and sockets hold no data."""
        return self.info.type in _KEYED | _INDEXED | _POPPED

    @property
    def steady(self) -> bool:
        """Whether reading leaves the contents as they are."""
        return self.info.type in _KEYED | _INDEXED

    @property
    def entry_bytes(self) -> int:
        """What an entry takes in a dump."""
        return self.info.key_size + self.value_bytes


def possible_cpus() -> int:
    """How many CPUs per-CPU values are made for."""
    last = Path("/sys/devices/system/cpu/possible").read_text(encoding="ascii").strip().split(",")[-1]
    return int(last.split("-")[-1]) + 1


def describe(name: str, fd: int, cpus: int) -> BpfMap:
    """The map behind ``fd`` as it is after loading."""
    info = bpf.map_info(fd)
    per_cpu = info.type.startswith("percpu_") or info.type == "lru_percpu_hash"
    value_bytes = (info.value_size + 7) // 8 * 8 * cpus if per_cpu else info.value_size
    found = BpfMap(name, fd, info, value_bytes)
    # A section of the object: .data and .rodata begin with contents of their own.
    return with_contents(found) if info.type in _INDEXED and name.startswith(".") else found


def with_contents(what: BpfMap, entries: Iterable[tuple[bytes, bytes]] = ()) -> BpfMap:
    """``what`` after setting ``entries``: from now on these contents are what "empty" means."""
    for key, value in entries:
        bpf.update(what.fd, key, value)
    return replace(what, initial=dump(what))


def dump(what: BpfMap, reader: BatchReader = bpf.lookup_batch) -> bytes:
    """All entries, key bytes then value bytes, one after the other; of queues and stacks what could be taken out."""
    if what.info.type in _POPPED:
        return b"".join(iter(lambda: bpf.take(what.fd, what.value_bytes) or b"", b""))
    if not what.steady:
        return b""
    try:
        return _dump_in_batches(what, reader)
    except OSError as problem:
        if problem.errno not in _NO_BATCH:
            raise
    out = bytearray()
    for key in keys(what):
        value = bpf.lookup(what.fd, key, what.value_bytes)
        if value is not None:
            out += key + value
    return bytes(out)


def keys(what: BpfMap) -> Iterator[bytes]:
    """The keys, one system call each."""
    key = bpf.next_key(what.fd, None, what.info.key_size)
    while key is not None:
        following = bpf.next_key(what.fd, key, what.info.key_size)
        yield key
        key = following


def empty(what: BpfMap) -> None:
    """Bring the map back to what it held after loading."""
    if what.info.type in _POPPED:
        dump(what)
    elif what.info.type in _INDEXED:
        _reset_array(what)
    elif what.info.type in _KEYED:
        _delete(what, [key for key, _ in _entries(what, dump(what))])
        for key, value in _entries(what, what.initial):
            bpf.update(what.fd, key, value)


def is_empty(what: BpfMap, reader: BatchReader = bpf.lookup_batch) -> bool:
    """Whether it holds what it held after loading."""
    if not what.steady:
        return True
    if not what.initial:
        if what.info.type in _KEYED:
            return bpf.next_key(what.fd, None, what.info.key_size) is None
        return not any(value.strip(b"\0") for _, value in _entries(what, dump(what, reader)))
    return sorted(_entries(what, dump(what, reader))) == sorted(_entries(what, what.initial))


def _entries(what: BpfMap, contents: bytes) -> Iterator[tuple[bytes, bytes]]:
    step, key_size = what.entry_bytes, what.info.key_size
    for at in range(0, len(contents), step):
        yield contents[at : at + key_size], contents[at + key_size : at + step]


def _dump_in_batches(what: BpfMap, reader: BatchReader) -> bytes:
    count = min(_BATCH, max(1, what.info.max_entries))
    key_size, value_bytes = what.info.key_size, what.value_bytes
    room = max(8, key_size)  # the kernel's cursor is a bucket number or a key
    at: ctypes.Array[ctypes.c_char] | None = None
    parts: list[bytes] = []
    while True:
        buffer = ctypes.create_string_buffer
        batch = bpf.Batch(count, buffer(count * key_size), buffer(count * value_bytes), buffer(room), at)
        try:
            got, last = reader(what.fd, batch)
        except OSError as problem:
            if problem.errno == errno.ENOSPC and count < what.info.max_entries:
                count = min(count * 4, what.info.max_entries)
                continue
            raise
        parts.append(_interleave(batch.keys.raw, batch.values.raw, (key_size, value_bytes), got))
        if last:
            return b"".join(parts)
        at = batch.following


def _interleave(key_data: bytes, value_data: bytes, sizes: tuple[int, int], count: int) -> bytes:
    """Entries from keys and values; copies column by column, which for large maps beats entry by entry."""
    key_size, value_bytes = sizes
    step = key_size + value_bytes
    if count < step:
        return b"".join(
            key_data[at * key_size : (at + 1) * key_size] + value_data[at * value_bytes : (at + 1) * value_bytes]
            for at in range(count)
        )
    out = bytearray(count * step)
    for column in range(key_size):
        out[column::step] = key_data[column : count * key_size : key_size]
    for column in range(value_bytes):
        out[key_size + column :: step] = value_data[column : count * value_bytes : value_bytes]
    return bytes(out)


def _delete(what: BpfMap, found: list[bytes]) -> None:
    for at in range(0, len(found), _BATCH):
        chunk = found[at : at + _BATCH]
        joined = b"".join(chunk)
        try:
            bpf.delete_batch(what.fd, ctypes.create_string_buffer(joined, len(joined)), len(chunk))
        except OSError:
            # No batches for this kind, or an entry went meanwhile (LRU): one by one.
            for key in chunk:
                bpf.delete(what.fd, key)


def _reset_array(what: BpfMap) -> None:
    wanted = dict(_entries(what, what.initial))
    zeros = bytes(what.value_bytes)
    for key, value in _entries(what, dump(what)):
        if value != wanted.get(key, zeros):
            with suppress(PermissionError):  # read-only data is frozen; it cannot have changed either
                bpf.update(what.fd, key, wanted.get(key, zeros))
