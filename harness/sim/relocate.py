# SPDX-License-Identifier: Apache-2.0
"""CO-RE: fitting a program to the types of another kernel (libbpf ``relo_core.c``).

A relocation names a field, type or enumerator of the object's own types; here it is looked up by name in the target's
types, and the instruction gets the target's offset, size or value. An instruction whose field the target does not have
stays, and fails when it is run, as in the kernel (where it is replaced by an invalid call).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from harness.objects import types as t
from harness.objects.btf import Btf
from harness.objects.errors import ObjectError
from harness.objects.ext import CoreRelocation, RelocationKind
from harness.objects.insn import LD_IMM64, Insn
from harness.objects.link import Linked

_FIELD_KINDS = frozenset(
    (
        RelocationKind.FIELD_BYTE_OFFSET,
        RelocationKind.FIELD_BYTE_SIZE,
        RelocationKind.FIELD_EXISTS,
        RelocationKind.FIELD_SIGNED,
        RelocationKind.FIELD_LSHIFT_U64,
        RelocationKind.FIELD_RSHIFT_U64,
    )
)
_MEMORY_SIZES = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field found in some type: where it starts, its type, and its bits if it is a bit field."""

    bit_offset: int
    type_id: int
    bit_size: int


#: One step of an access: a member's name, or an index into an array.
_Step = str | int


def relocate(program: Linked, local: Btf, target: Btf) -> tuple[Linked, dict[int, str]]:
    """``program`` with its relocations applied against ``target``, and why some slots cannot run."""
    insns = list(program.insns)
    broken: dict[int, str] = {}
    for slot, relocation in program.relocations.items():
        try:
            value, sizes = _value(relocation, local, target)
        except ObjectError as error:
            broken[slot] = error.message
            continue
        if value is None:
            name = local.describe(relocation.type_id)
            broken[slot] = f"the target kernel has no {name} with the field that is accessed here"
            continue
        _patch(insns, slot, value, sizes)
    return dataclasses.replace(program, insns=tuple(insns)), broken


def _patch(insns: list[Insn], slot: int, value: int, sizes: tuple[int, int] | None) -> None:
    insn = insns[slot]
    kind = insn.code & 0x07
    if insn.code == LD_IMM64:
        insns[slot] = insn._replace(imm=_signed32(value))
        insns[slot + 1] = insns[slot + 1]._replace(imm=_signed32(value >> 32))
    elif kind in (4, 7):
        insns[slot] = insn._replace(imm=_signed32(value))
    elif kind in (1, 2, 3):
        code = insn.code
        if sizes and sizes[0] != sizes[1] and sizes[1] in _MEMORY_SIZES:
            code = code & ~0x18 | _MEMORY_SIZES[sizes[1]]
        insns[slot] = insn._replace(code=code, off=value)
    else:
        raise ObjectError(f"a CO-RE relocation on an instruction that takes none ({insn.code:#x})")


def _signed32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (value >> 31 << 32)


def _value(relocation: CoreRelocation, local: Btf, target: Btf) -> tuple[int | None, tuple[int, int] | None]:
    """The value for the instruction (None: there is none), and a loaded field's size before and after."""
    kind = relocation.kind
    if kind in _FIELD_KINDS:
        return _field_value(relocation, local, target)
    if kind == RelocationKind.TYPE_ID_LOCAL:
        return relocation.type_id, None
    candidates = list(_candidates(relocation.type_id, local, target))
    if kind in (RelocationKind.ENUMVAL_EXISTS, RelocationKind.ENUMVAL_VALUE):
        value = _enumerator(relocation, local, target, candidates)
        return (int(value is not None) if kind == RelocationKind.ENUMVAL_EXISTS else value), None
    if kind in (RelocationKind.TYPE_EXISTS, RelocationKind.TYPE_MATCHES):
        return int(bool(candidates)), None
    if not candidates:
        return (0 if kind == RelocationKind.TYPE_SIZE else None), None
    return (candidates[0] if kind == RelocationKind.TYPE_ID_TARGET else target.size(candidates[0])), None


def _essential(name: str) -> str:
    """A type's name without its flavour (``task_struct___old``)."""
    return name.partition("___")[0]


def _candidates(type_id: int, local: Btf, target: Btf) -> Iterator[int]:
    """Types of the target that stand for the local type: the same kind and name."""
    if local is target:
        yield type_id
        return
    wanted = local.type(type_id)
    for found in target.find_all(_essential(wanted.name)):
        candidate = target.type(found)
        if type(candidate) is not type(wanted):
            continue
        if isinstance(wanted, t.Composite) and isinstance(candidate, t.Composite):
            if wanted.union == candidate.union:
                yield found
        elif not isinstance(wanted, t.Alias) or wanted.kind == getattr(candidate, "kind", None):
            yield found


def _enumerator(relocation: CoreRelocation, local: Btf, target: Btf, candidates: list[int]) -> int | None:
    wanted = local.resolved(relocation.type_id)
    if not isinstance(wanted, t.Enum):
        raise ObjectError("an enumerator relocation on a type that is no enumeration")
    name = _essential(wanted.values[relocation.access[0]][0])
    for candidate in candidates:
        found = target.resolved(candidate)
        for known, value in found.values if isinstance(found, t.Enum) else ():
            if _essential(known) == name:
                return value
    return None


def _field_value(relocation: CoreRelocation, local: Btf, target: Btf) -> tuple[int | None, tuple[int, int] | None]:
    mine, steps = _walk_indices(local, relocation.type_id, relocation.access)
    theirs: _Field | None = None
    owner = target
    for candidate in _candidates(local.resolve(relocation.type_id), local, target):
        theirs = _walk_names(target, candidate, relocation.access[0], steps)
        if theirs is not None and _compatible(local, mine.type_id, target, theirs.type_id):
            break
        theirs = None
    if relocation.kind == RelocationKind.FIELD_EXISTS:
        return int(theirs is not None), None
    if theirs is None:
        return None, None
    value = _describe_field(owner, theirs)[relocation.kind]
    if relocation.kind != RelocationKind.FIELD_BYTE_OFFSET or mine.bit_size or theirs.bit_size:
        return value, None
    return value, (local.size(mine.type_id), owner.size(theirs.type_id))


def _walk_indices(btf: Btf, type_id: int, access: tuple[int, ...]) -> tuple[_Field, list[_Step]]:
    """Follow member indices; gives the field and the same way in names."""
    type_id = btf.resolve(type_id)
    at = access[0] * btf.size(type_id) * 8
    bits = 0
    steps: list[_Step] = []
    for index in access[1:]:
        kind = btf.resolved(type_id)
        if isinstance(kind, t.Composite):
            member = kind.members[index]
            at += member.bit_offset
            bits = member.bit_size
            type_id = btf.resolve(member.type)
            if member.name:
                steps.append(member.name)
        elif isinstance(kind, t.Array):
            type_id = btf.resolve(kind.element)
            at += index * btf.size(type_id) * 8
            steps.append(index)
        else:
            raise ObjectError(f"a CO-RE access goes into {btf.describe(type_id)}")
    return _Field(at, type_id, bits), steps


def _walk_names(btf: Btf, type_id: int, first: int, steps: list[_Step]) -> _Field | None:
    """Follow the same way in another type; None where it ends."""
    type_id = btf.resolve(type_id)
    at, bits = first * btf.size(type_id) * 8, 0
    for step in steps:
        kind = btf.resolved(type_id)
        if isinstance(step, str):
            found = _member(btf, kind, step) if isinstance(kind, t.Composite) else None
            if found is None:
                return None
            at += found.bit_offset
            type_id, bits = btf.resolve(found.type_id), found.bit_size
        else:
            if not isinstance(kind, t.Array) or (kind.length and step >= kind.length):
                return None
            type_id = btf.resolve(kind.element)
            at += step * btf.size(type_id) * 8
    return _Field(at, type_id, bits)


def _member(btf: Btf, kind: t.Composite, name: str) -> _Field | None:
    for member in kind.members:
        if member.name == name:
            return _Field(member.bit_offset, member.type, member.bit_size)
        inner = btf.resolved(member.type)
        if not member.name and isinstance(inner, t.Composite):
            found = _member(btf, inner, name)
            if found is not None:
                return _Field(member.bit_offset + found.bit_offset, found.type_id, found.bit_size)
    return None


def _compatible(local: Btf, mine: int, target: Btf, theirs: int) -> bool:
    """``bpf_core_fields_are_compat``: the same kind of type; sizes of numbers may differ."""
    a, b = local.resolved(mine), target.resolved(theirs)
    if isinstance(a, t.Array) and isinstance(b, t.Array):
        return _compatible(local, a.element, target, b.element)
    if isinstance(a, (t.Enum, t.Forward)) and type(a) is type(b):
        return not a.name or not b.name or _essential(a.name) == _essential(b.name)
    return type(a) is type(b)


def _describe_field(btf: Btf, field: _Field) -> dict[RelocationKind, int]:
    """What each kind of field relocation gives (``bpf_core_calc_field_relo``, little-endian)."""
    kind = btf.resolved(field.type_id)
    size = btf.size(field.type_id)
    start, bits = field.bit_offset // 8, field.bit_size or 8 * size
    if field.bit_size:
        start = start // size * size
        while field.bit_offset + bits - start * 8 > size * 8:
            if size >= 8:
                raise ObjectError("a bit field cannot be read with one load")
            size *= 2
            start = field.bit_offset // 8 // size * size
    return {
        RelocationKind.FIELD_BYTE_OFFSET: start,
        RelocationKind.FIELD_BYTE_SIZE: size,
        RelocationKind.FIELD_SIGNED: int(isinstance(kind, (t.Int, t.Enum)) and kind.signed),
        RelocationKind.FIELD_LSHIFT_U64: 64 - (field.bit_offset + bits - start * 8),
        RelocationKind.FIELD_RSHIFT_U64: 64 - bits,
    }
