# SPDX-License-Identifier: Apache-2.0
"""Where the fields of a struct lie, and which of its bytes belong to none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.objects import types as t
from harness.objects.btf import Btf

#: Names that people and compilers give to padding they write out.
PADDING_NAME: Final = re.compile(r"_*pad(ding)?_?\d*\Z")


@dataclass(frozen=True, slots=True)
class Field:
    """A named field; offsets count from the start of the outermost struct. ``bit_size`` is 0 for whole bytes."""

    name: str
    type: int
    offset: int
    size: int
    bit_offset: int = 0
    bit_size: int = 0


def fields(btf: Btf, composite: t.Composite, *, with_padding: bool = False) -> list[Field]:
    """The fields of a struct or union, those of anonymous members among them, without written-out padding."""
    found: list[Field] = []
    for member in composite.members:
        inner = btf.resolved(member.type)
        if not member.name and isinstance(inner, t.Composite):
            base = member.bit_offset // 8
            found += [
                Field(f.name, f.type, base + f.offset, f.size, member.bit_offset + f.bit_offset, f.bit_size)
                for f in fields(btf, inner, with_padding=with_padding)
            ]
        elif with_padding or (member.name and not PADDING_NAME.match(member.name)):
            bits = member.bit_size or _narrow_bits(inner)
            found.append(
                Field(
                    member.name,
                    member.type,
                    member.bit_offset // 8,
                    (member.bit_offset % 8 + bits + 7) // 8 if bits else btf.size(member.type),
                    member.bit_offset,
                    bits,
                )
            )
    return found


def _narrow_bits(kind: t.Type) -> int:
    """Bits of an integer type that is narrower than its bytes (how old compilers wrote bit fields)."""
    return kind.bits if isinstance(kind, t.Int) and kind.bits != 8 * kind.size else 0


def padding(btf: Btf, type_id: int) -> list[tuple[int, int]]:
    """``(offset, size)`` of every run of bytes of the type that holds no value: holes, tail, written-out padding.

    A byte of a union is padding only if no member uses it; a byte of which a bit field uses some bits is none.
    """
    used = bytearray(btf.size(type_id))
    _mark(btf, type_id, used, 0)
    runs: list[tuple[int, int]] = []
    start = used.find(0)
    while start >= 0:
        end = used.find(1, start)
        end = len(used) if end < 0 else end
        runs.append((start, end - start))
        start = used.find(0, end)
    return runs


def _mark(btf: Btf, type_id: int, used: bytearray, at: int) -> None:
    """Set the bytes of ``used`` that values of the type at ``at`` occupy."""
    kind = btf.resolved(type_id)
    if isinstance(kind, t.Composite):
        for field in fields(btf, kind):
            if field.bit_size:
                used[at + field.offset : at + field.offset + field.size] = b"\1" * field.size
            else:
                _mark(btf, field.type, used, at + field.offset)
    elif isinstance(kind, t.Array) and isinstance(btf.resolved(kind.element), (t.Composite, t.Array)):
        each = btf.size(kind.element)
        for index in range(kind.length):
            _mark(btf, kind.element, used, at + index * each)
    else:
        used[at : at + btf.size(type_id)] = b"\1" * btf.size(type_id)
