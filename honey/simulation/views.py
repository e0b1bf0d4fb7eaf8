# SPDX-License-Identifier: Apache-2.0
"""Maps as a test sees them: typed, readable and writable like a dict."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.simulation import typed
from honey.simulation.maps import KeyedMap, RingBuffer


@dataclass(frozen=True, eq=False)
class MapView(MutableMapping[Any, Any]):
    """A hash or an array, from user space; per-CPU values are tuples, one item a CPU.

    Writing goes the way of ``bpf_map_update_elem``: a full hash raises `OSError`, as the system call would.
    """

    store: KeyedMap
    symbols: Symbols

    def __getitem__(self, key: Any) -> Any:
        entry = self.store.entries.get(self._key(key))
        if entry is None:
            raise KeyError(key)
        return self._value([bytes(buffer) for buffer in entry])

    def __setitem__(self, key: Any, value: Any) -> None:
        stored = self._key(key)
        values = value if self.store.per_cpu else [value]
        for cpu, one in enumerate(values):
            _check(self.store.update(stored, typed.encode(one, self._value_type, self.symbols), 0, cpu))

    def __delitem__(self, key: Any) -> None:
        stored = self._key(key)
        if stored not in self.store.entries:
            raise KeyError(key)
        _check(self.store.delete(stored))

    def __iter__(self) -> Iterator[Any]:
        for key in list(self.store.entries):
            yield typed.decode(key, self._key_type, self.symbols)

    def __len__(self) -> int:
        return len(self.store.entries)

    def __repr__(self) -> str:
        return f"{self.store.definition.name}: {dict(self)!r}"

    def raw(self) -> dict[bytes, list[bytes]]:
        """Keys and values (one a CPU, or just one) byte for byte, padding included."""
        return dict(self.store.items())

    def _key(self, key: Any) -> bytes:
        return typed.encode(key, self._key_type, self.symbols)

    def _value(self, values: list[bytes]) -> Any:
        decoded = tuple(typed.decode(one, self._value_type, self.symbols) for one in values)
        return decoded if self.store.per_cpu else decoded[0]

    @property
    def _key_type(self) -> t.Type:
        assert self.store.definition.key is not None
        return self.store.definition.key

    @property
    def _value_type(self) -> t.Type:
        assert self.store.definition.value is not None
        return self.store.definition.value


@dataclass(frozen=True)
class RingView:
    """A ring buffer, from user space. ``record_types`` are those of the records that the program writes, by size."""

    store: RingBuffer
    record_types: dict[int, t.Type]
    symbols: Symbols

    def read(self) -> list[Any]:
        """The records submitted since the last time, typed where their size tells the type; they make room."""
        return [self._record(data) for data in self.store.consume()]

    def _record(self, data: bytes) -> Any:
        type_ = self.record_types.get(len(data))
        return typed.decode(data, type_, self.symbols) if type_ is not None else data


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result), errno.errorcode.get(-result))
