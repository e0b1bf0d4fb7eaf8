# SPDX-License-Identifier: Apache-2.0
"""The entries of a map dump, raw: by key, with padding looked at and set aside. A million take about a second."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from harness.compare.layout import MapLayout
from harness.errors import RunError


@dataclass(frozen=True, slots=True)
class Entries:
    """One side's entries: ``values`` by key, padding zeroed.

    ``dirty`` are the keys whose padding was not zero, as they were found.
    """

    layout: MapLayout
    values: dict[bytes, bytes]
    dirty: tuple[bytes, ...] = ()


def read_entries(path: Path, layout: MapLayout, *, zero_is_absent: bool | None = None) -> Entries:
    """The entries in the dump ``path``; see :func:`parse_entries`. Raises :class:`RunError` if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"map {layout.name}: its dump cannot be read: {error.strerror}") from error
    return parse_entries(data, layout, zero_is_absent=zero_is_absent)


def parse_entries(data: bytes, layout: MapLayout, *, zero_is_absent: bool | None = None) -> Entries:
    """The entries in ``data``, key and value bytes one after the other.

    ``zero_is_absent`` leaves out all-zero values (default: for arrays). Raises :class:`RunError` where ``data`` is not
    a whole number of entries.
    """
    size = layout.key_size + layout.value_bytes
    if len(data) % size:
        raise RunError(f"map {layout.name}: a dump of {len(data)} bytes does not hold whole entries of {size}")
    entry = struct.Struct(f"{layout.key_size}s{layout.value_bytes}s")
    values: dict[bytes, bytes] = dict(entry.iter_unpack(data))
    if zero_is_absent if zero_is_absent is not None else layout.entries_always_exist:
        nothing = bytes(layout.value_bytes)
        values = {key: value for key, value in values.items() if value != nothing}
    if not _has_dirty_padding(data, layout, size):
        return Entries(layout, values)
    dirty = tuple(key for key in values if key != clean(key, layout))
    return Entries(layout, {clean(key, layout): value for key, value in values.items()}, dirty)


def clean(key: bytes, layout: MapLayout) -> bytes:
    """``key`` with its padding zeroed."""
    out = bytearray(key)
    for offset, size in layout.key_padding:
        out[offset : offset + size] = bytes(size)
    return bytes(out)


def _has_dirty_padding(data: bytes, layout: MapLayout, size: int) -> bool:
    """Looks at each padding byte of all entries at once: a strided slice is a copy, not a loop."""
    number = len(data) // size
    columns = (at + i for at, length in layout.key_padding for i in range(length))
    return any(data[column::size].count(0) != number for column in columns)
