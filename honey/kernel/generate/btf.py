# SPDX-License-Identifier: Apache-2.0
"""Reads BTF (Documentation/bpf/btf.rst): the type section of a kernel or of a compiled object."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

MAGIC = 0xEB9F


class Kind(IntEnum):
    """BTF_KIND_*."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


QUALIFIERS = frozenset({Kind.CONST, Kind.VOLATILE, Kind.RESTRICT, Kind.TYPE_TAG})


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct; offset and size in bits, ``bits`` 0 where it is no bit-field."""

    name: str
    type: int
    bit_offset: int
    bits: int


@dataclass(frozen=True, slots=True)
class BtfType:
    """One type; which of the fields after ``name`` mean something depends on ``kind``.

    ``ref`` is the type referred to (element, target, return type, prototype); ``flag`` the kind_flag (a signed
    enumeration, a forward-declared union), which compilers before clang 16 leave out for enumerations; ``length`` an
    array's; ``params`` a prototype's names and types.
    """

    id: int
    kind: Kind
    name: str
    size: int = 0
    ref: int = 0
    flag: bool = False
    length: int = 0
    members: tuple[Member, ...] = ()
    params: tuple[tuple[str, int], ...] = ()
    values: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Btf:
    """All types of a BTF section by number; number 0 is void."""

    types: list[BtfType] = field(default_factory=lambda: [BtfType(0, Kind.VOID, "")])

    def __getitem__(self, number: int) -> BtfType:
        return self.types[number]

    def of_kind(self, *kinds: Kind) -> Iterator[BtfType]:
        """The types of these kinds, in order."""
        return (type_ for type_ in self.types if type_.kind in kinds)

    def unqualified(self, number: int) -> BtfType:
        """The type without const, volatile, restrict and tags."""
        type_ = self.types[number]
        while type_.kind in QUALIFIERS:
            type_ = self.types[type_.ref]
        return type_


def parse(data: bytes) -> Btf:
    """The types in the BTF section ``data`` (little endian); raises ``ValueError`` where it is none."""
    magic, _, _, header, type_offset, type_length, string_offset, string_length = struct.unpack_from("<HBBIIIII", data)
    if magic != MAGIC:
        raise ValueError("not a BTF section")
    strings = data[header + string_offset :][:string_length]

    def text(offset: int) -> str:
        return strings[offset : strings.index(b"\0", offset)].decode()

    btf = Btf()
    at, end = header + type_offset, header + type_offset + type_length
    while at < end:
        name, info, third = struct.unpack_from("<III", data, at)
        at += 12
        kind, count, flag = Kind(info >> 24 & 0x1F), info & 0xFFFF, bool(info >> 31)
        words, at = _trailing(data, at, kind, count)
        btf.types.append(_make(_Head(len(btf.types), kind, text(name), third, flag), words, text))
    return btf


def _trailing(data: bytes, at: int, kind: Kind, count: int) -> tuple[list[tuple[int, ...]], int]:
    match kind:
        case Kind.INT | Kind.VAR | Kind.DECL_TAG:
            shape, count = "<I", 1
        case Kind.ARRAY:
            shape, count = "<III", 1
        case Kind.STRUCT | Kind.UNION | Kind.DATASEC | Kind.ENUM64:
            shape = "<III"
        case Kind.ENUM | Kind.FUNC_PROTO:
            shape = "<II"
        case _:
            return [], at
    size = struct.calcsize(shape)
    return [struct.unpack_from(shape, data, at + size * i) for i in range(count)], at + size * count


@dataclass(frozen=True, slots=True)
class _Head:
    """What all types have: ``third`` is the size or the type referred to."""

    number: int
    kind: Kind
    name: str
    third: int
    flag: bool


def _make(head: _Head, words: list[tuple[int, ...]], text: Callable[[int], str]) -> BtfType:
    number, kind, name, third, flag = head.number, head.kind, head.name, head.third, head.flag
    match kind:
        case Kind.INT:
            return BtfType(number, kind, name, size=third)
        case Kind.ARRAY:
            return BtfType(number, kind, name, ref=words[0][0], length=words[0][2])
        case Kind.STRUCT | Kind.UNION:
            members = tuple(
                Member(text(label), ref, offset & 0xFFFFFF if flag else offset, offset >> 24 if flag else 0)
                for label, ref, offset in words
            )
            return BtfType(number, kind, name, size=third, members=members)
        case Kind.ENUM:
            values = tuple(
                (text(label), value - (1 << 32) if flag and value >> 31 else value) for label, value in words
            )
            return BtfType(number, kind, name, size=third, flag=flag, values=values)
        case Kind.ENUM64:
            wide = ((text(label), high << 32 | low) for label, low, high in words)
            values = tuple((label, value - (1 << 64) if flag and value >> 63 else value) for label, value in wide)
            return BtfType(number, kind, name, size=third, flag=flag, values=values)
        case Kind.FUNC_PROTO:
            return BtfType(number, kind, name, ref=third, params=tuple((text(label), ref) for label, ref in words))
        case Kind.FLOAT | Kind.DATASEC:
            return BtfType(number, kind, name, size=third)
        case _:
            return BtfType(number, kind, name, ref=third, flag=flag)
