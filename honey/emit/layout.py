# SPDX-License-Identifier: Apache-2.0
"""Which members a struct's C definition has, so that every field lies where the IR says.

The program's own structs are listed as they are. Of the kernel's only the fields used are declared: where the running
kernel decides the offsets (BTF relocation), in any order; where size or offsets count, with padding in between, and
with an anonymous union around fields that overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from honey.ir import types as t
from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """A field as declared: ``bits`` above 0 for a bit-field, whose name may be empty (a gap)."""

    name: str
    type: t.Type
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Overlay:
    """An anonymous union; each alternative is a member, or an anonymous struct of several."""

    alternatives: tuple[tuple[Member, ...], ...]


Declaration = Member | Overlay


def own(definition: t.StructDef) -> tuple[Declaration, ...]:
    """All fields of one of the program's structs, padding included."""
    return tuple(Member(field.name, field.type) for field in definition.fields)


def relocated(fields: Iterable[t.Field]) -> tuple[Declaration, ...]:
    """Fields whose offsets the loader finds out."""
    return tuple(Member(field.name, field.type, field.bit_size) for field in fields)


def placed(fields: Sequence[t.Field], size: int) -> tuple[Declaration, ...]:
    """Fields at their offsets in a struct of ``size`` bytes, with padding in between."""
    out: list[Declaration] = []
    end = 0
    for group in _groups(sorted(fields, key=lambda field: (field.offset, field.bit_offset))):
        start = group[0].offset
        out.extend(_gap(end, start))
        stop = max(field.offset + field.type.size for field in group)
        if all(field.bit_size for field in group) and len({field.offset for field in group}) == 1:
            out.extend(_bit_fields(group))
        elif len(group) == 1:
            out.append(Member(group[0].name, group[0].type))
        else:
            out.append(Overlay(tuple(_alternative(field, start) for field in group)))
        end = stop
    out.extend(_gap(end, size))
    return tuple(out)


def _groups(fields: Sequence[t.Field]) -> Iterator[list[t.Field]]:
    """Fields that overlap, together."""
    group: list[t.Field] = []
    end = 0
    for field in fields:
        if group and field.offset >= end:
            yield group
            group = []
        group.append(field)
        end = max(end, field.offset + field.type.size)
    if group:
        yield group


def _gap(start: int, end: int) -> Iterator[Member]:
    if end > start:
        yield Member(f"__pad{start}", t.Array(t.U8, end - start))


def _bit_fields(group: Sequence[t.Field]) -> Iterator[Member]:
    """Bit-fields of one storage unit, the lowest bits first."""
    bit = 0
    unit = group[0].type
    for field in group:
        if field.bit_offset > bit:
            yield Member("", unit, field.bit_offset - bit)
        yield Member(field.name, unit, field.bit_size)
        bit = field.bit_offset + field.bit_size
    if bit < unit.size * 8:
        yield Member("", unit, unit.size * 8 - bit)


def _alternative(field: t.Field, start: int) -> tuple[Member, ...]:
    if field.bit_size:
        return (*_gap(start, field.offset), *_bit_fields([field]))
    return (*_gap(start, field.offset), Member(field.name, field.type))


def c_size(declarations: Iterable[Declaration]) -> tuple[int, int] | None:
    """Size and alignment that C gives a struct of members without bit-fields and unions, else ``None``."""
    end, align = 0, 1
    for member in declarations:
        if isinstance(member, Overlay) or member.bits:
            return None
        align = max(align, member.type.align)
        end = -(-end // member.type.align) * member.type.align + member.type.size
    return -(-end // align) * align, align


def is_natural(definition: t.StructDef) -> bool:
    """Whether C, left alone, puts all fields where they are, holes included."""
    end = 0
    for field in definition.fields:
        at = -(-end // field.type.align) * field.type.align
        if at != field.offset or field.bit_size:
            return False
        end = at + field.type.size
    found = c_size(own(definition))
    return found is not None and found[0] == definition.type.size
