# SPDX-License-Identifier: Apache-2.0
"""How the entries of one map are laid out: typed decoding, padding, and where its volatile fields lie."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from harness.errors import RunError
from harness.objects import BpfObject, Decoder, ObjectError, padding
from harness.objects import types as t
from harness.objects.layout import fields

KEY = "key"
VALUE = "value"

_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number inside a key or a value: ``part`` is KEY or VALUE, ``offset`` bytes from that part's start."""

    path: str
    part: str
    offset: int
    size: int
    code: str

    def reader(self, stride: int) -> struct.Struct:
        """Unpacks the number from ``stride`` bytes of the part."""
        return struct.Struct(f"<{self.offset}x{self.code}{stride - self.offset - self.size}x")


@dataclass(frozen=True, slots=True)
class MapLayout:
    """What the BTF of an object says of a map's entries.

    ``value_stride`` is the bytes of one value in a dump: for per-CPU maps rounded up to 8, of which there are ``cpus``.
    """

    name: str
    type: str
    key_size: int
    value_size: int
    key: Decoder | None
    value: Decoder | None
    key_padding: tuple[tuple[int, int], ...]
    value_padding: tuple[tuple[int, int], ...]
    cpus: int = 1

    @property
    def per_cpu(self) -> bool:
        """Whether an entry holds a value for each CPU."""
        return "percpu" in self.type

    @property
    def value_stride(self) -> int:
        """Bytes from one CPU's value to the next."""
        return (self.value_size + 7) // 8 * 8 if self.per_cpu else self.value_size

    @property
    def value_bytes(self) -> int:
        """Bytes of value in one entry of a dump."""
        return self.value_stride * (self.cpus if self.per_cpu else 1)

    @property
    def entries_always_exist(self) -> bool:
        """Whether the map is an array, whose entries are there from the start."""
        return "array" in self.type

    def decode_key(self, raw: bytes) -> Any:
        """The typed key; its hex digits where the object does not say the type."""
        return self.key.decode(raw) if self.key else raw.hex()

    def decode_value(self, raw: bytes) -> Any:
        """The typed value; a list with one a CPU for per-CPU maps."""
        if self.per_cpu:
            return [self._one(raw[at : at + self.value_size]) for at in range(0, len(raw), self.value_stride)]
        return self._one(raw)

    def _one(self, raw: bytes) -> Any:
        return self.value.decode(raw) if self.value else raw.hex()

    def scalar(self, path: str, *, default: str) -> Scalar:
        """Where the number ``path`` lies: ``key``, ``key.a.b``, ``value.x``, or ``x`` in the part ``default``.

        Raises :class:`RunError` where there is no such field or it is not a number.
        """
        steps = path.split(".")
        part = steps.pop(0) if steps[0] in {KEY, VALUE} else default
        decoder = self.key if part == KEY else self.value
        if decoder is None:
            raise RunError(f"map {self.name}: {path}: the object does not say the type of the {part}")
        try:
            return locate(decoder, part, path, steps)
        except KeyError as error:
            names = ", ".join(error.args[1]) or "none"
            raise RunError(
                f"map {self.name}: {path}: the {part} has no field {error.args[0]!r}", hint=f"its fields: {names}"
            ) from error

    def stable_ranges(self, without: tuple[Scalar, ...]) -> tuple[tuple[int, int], ...]:
        """``(start, end)`` of the bytes of an entry's value that must be the same on both sides."""
        used = bytearray(b"\1" * self.value_size)
        skipped = [(s.offset, s.size) for s in without if s.part == VALUE] + list(self.value_padding)
        for offset, size in skipped:
            used[offset : offset + size] = bytes(size)
        used += bytes(self.value_stride - self.value_size)
        used *= self.value_bytes // self.value_stride if self.value_stride else 1
        return _runs(used)


def _runs(used: bytearray) -> tuple[tuple[int, int], ...]:
    runs = []
    start = used.find(1)
    while start >= 0:
        end = used.find(0, start)
        end = len(used) if end < 0 else end
        runs.append((start, end))
        start = used.find(1, end)
    return tuple(runs)


def locate(decoder: Decoder, part: str, path: str, steps: list[str]) -> Scalar:
    """The number at ``steps`` inside of a type; ``KeyError`` with the step and the names there are, where it is not."""
    btf, type_id, offset = decoder.btf, decoder.type_id, 0
    for step in steps:
        kind = btf.resolved(type_id)
        known = {field.name: field for field in fields(btf, kind)} if isinstance(kind, t.Composite) else {}
        if step not in known:
            raise KeyError(step, list(known))
        type_id, offset = known[step].type, offset + known[step].offset
    kind, size = btf.resolved(type_id), btf.size(type_id)
    if isinstance(kind, t.Float) and size in {4, 8}:
        return Scalar(path, part, offset, size, "f" if size == 4 else "d")
    if isinstance(kind, (t.Int, t.Enum)) and size in _CODES:
        return Scalar(path, part, offset, size, _CODES[size] if kind.signed else _CODES[size].upper())
    raise RunError(f"{path} is {btf.describe(type_id)}, not a number")


def map_layout(obj: BpfObject, name: str, cpus: int) -> MapLayout:
    """The layout of map ``name`` of ``obj``. Raises :class:`ObjectError` for a type that has no values."""
    definition = obj.maps[name]
    key = Decoder(obj.btf, definition.key_type) if definition.key_type else None
    value = Decoder(obj.btf, definition.value_type) if definition.value_type else None
    if key is not None and key.size != definition.key_size:
        raise ObjectError(f"map {name}: the key's type has {key.size} bytes, the map {definition.key_size}")
    return MapLayout(
        name=name,
        type=definition.type,
        key_size=definition.key_size,
        value_size=definition.value_size,
        key=key,
        value=value,
        key_padding=tuple(padding(obj.btf, definition.key_type)) if definition.key_type else (),
        value_padding=tuple(padding(obj.btf, definition.value_type)) if definition.value_type else (),
        cpus=cpus,
    )
