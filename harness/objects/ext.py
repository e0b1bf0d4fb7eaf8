# SPDX-License-Identifier: Apache-2.0
""".BTF.ext: functions, source lines and CO-RE relocations (kernel ``Documentation/bpf/btf.rst``)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from harness.objects.btf import MAGIC, Btf
from harness.objects.errors import ObjectError

_HEADER: Final = struct.Struct("<HBBI")
_PAIR: Final = struct.Struct("<II")


class RelocationKind(IntEnum):
    """``enum bpf_core_relo_kind``."""

    FIELD_BYTE_OFFSET = 0
    FIELD_BYTE_SIZE = 1
    FIELD_EXISTS = 2
    FIELD_SIGNED = 3
    FIELD_LSHIFT_U64 = 4
    FIELD_RSHIFT_U64 = 5
    TYPE_ID_LOCAL = 6
    TYPE_ID_TARGET = 7
    TYPE_EXISTS = 8
    TYPE_SIZE = 9
    ENUMVAL_EXISTS = 10
    ENUMVAL_VALUE = 11
    TYPE_MATCHES = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A source position: file as the compiler was told it, 1-based line and column, and the line's text."""

    file: str
    line: int
    column: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class CoreRelocation:
    """One CO-RE relocation: ``access`` is the path of member indices (or the enumerator's index)."""

    type_id: int
    access: tuple[int, ...]
    kind: RelocationKind


@dataclass(frozen=True, slots=True)
class BtfExt:
    """Keyed by (section, byte offset in the section)."""

    functions: dict[tuple[str, int], int] = field(default_factory=dict)
    lines: dict[tuple[str, int], Line] = field(default_factory=dict)
    relocations: dict[tuple[str, int], CoreRelocation] = field(default_factory=dict)


def parse_ext(data: bytes, btf: Btf) -> BtfExt:
    """Parse ``.BTF.ext``. Raises :class:`ObjectError` where it is damaged."""
    try:
        magic, _, _, header = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ObjectError(f"no little-endian .BTF.ext (magic {magic:#x})")
        parts = [_PAIR.unpack_from(data, at) for at in range(_HEADER.size, min(header, _HEADER.size + 24), 8)]
        parts += [(0, 0)] * (3 - len(parts))
        tables = [data[header + at : header + at + length] for at, length in parts]
        functions = {where: record[1] for where, record in _records(tables[0], btf)}
        lines = {where: _line(record, btf) for where, record in _records(tables[1], btf)}
        relocations = {where: _relocation(record, btf) for where, record in _records(tables[2], btf)}
    except (struct.error, ValueError) as error:
        raise ObjectError(f".BTF.ext is damaged: {error}") from error
    return BtfExt(functions, lines, relocations)


def _records(table: bytes, btf: Btf) -> Iterator[tuple[tuple[str, int], tuple[int, ...]]]:
    """``((section, offset), words)`` of each record of one table."""
    if not table:
        return
    (size,) = struct.unpack_from("<I", table)
    record = struct.Struct(f"<{size // 4}I")
    at = 4
    while at < len(table):
        name, number = _PAIR.unpack_from(table, at)
        section = btf.string(name)
        at += _PAIR.size
        for _ in range(number):
            words = record.unpack_from(table, at)
            yield (section, words[0]), words
            at += size


def _line(record: tuple[int, ...], btf: Btf) -> Line:
    _, file_at, text_at, position = record[:4]
    return Line(btf.string(file_at), position >> 10, position & 0x3FF, btf.string(text_at).strip())


def _relocation(record: tuple[int, ...], btf: Btf) -> CoreRelocation:
    _, type_id, access_at, kind = record[:4]
    access = tuple(int(part) for part in btf.string(access_at).split(":"))
    return CoreRelocation(type_id, access, RelocationKind(kind))
