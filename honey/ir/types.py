# SPDX-License-Identifier: Apache-2.0
"""The types of the IR: what a value is, how many bytes it takes, and which memory a reference points into."""

from __future__ import annotations

from enum import Enum

from honey.records import dataclass


class Space(Enum):
    """The memory that a reference or an address points into; it decides how the memory may be reached."""

    STACK = "stack"
    MAP = "map"
    RINGBUF = "ringbuf"
    CONTEXT = "context"
    PACKET = "packet"
    USER = "user"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Int:
    """An integer of 8, 16, 32 or 64 bits; ``big_endian`` ones hold network order and know only (in)equality."""

    bits: int
    signed: bool = False
    big_endian: bool = False

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.bits // 8

    align = size


@dataclass(frozen=True, slots=True)
class Bool:
    """A truth value, one byte in memory."""

    size = 1
    align = 1


@dataclass(frozen=True, slots=True)
class Void:
    """No value: the type of an effect that gives nothing back."""

    size = 0
    align = 1


@dataclass(frozen=True, slots=True)
class Array:
    """``length`` elements one after the other."""

    element: Type
    length: int

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.element.size * self.length

    @property
    def align(self) -> int:
        """Alignment in bytes, that of the element."""
        return self.element.align


@dataclass(frozen=True, slots=True)
class Chars:
    """``char[length]``: a string that ends with a zero byte or fills the array."""

    length: int
    align = 1

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.length


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct by name; its fields are in ``Program.structs`` (also those of the kernel, as far as they are used).

    ``kernel`` says that the running kernel's layout may differ, so that fields are reached through BTF relocation.
    """

    name: str
    size: int
    align: int
    kernel: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference that can be dereferenced in place: a map value, a record, the context, packet bytes, a local.

    ``nullable`` references must be tested before use; ``readonly`` ones must not be written through.
    """

    target: Type
    space: Space
    nullable: bool = False
    readonly: bool = False
    size = 8
    align = 8


@dataclass(frozen=True, slots=True)
class Address:
    """A 64-bit address in user or kernel memory, reached only by reads that can fail; 0 is nil.

    ``target`` is what is known to lie there, ``None`` when nothing is.
    """

    space: Space = Space.USER
    target: Type | None = None
    size = 8
    align = 8


Type = Int | Bool | Void | Array | Chars | Struct | Ref | Address

U8, U16, U32, U64 = (Int(bits) for bits in (8, 16, 32, 64))
S8, S16, S32, S64 = (Int(bits, signed=True) for bits in (8, 16, 32, 64))
BE16, BE32, BE64 = (Int(bits, big_endian=True) for bits in (16, 32, 64))
BOOL = Bool()
VOID = Void()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct at a fixed byte offset; ``padding`` marks a hole made explicit.

    ``bit_offset``/``bit_size`` are set for bit-fields only, ``in_union`` for members of an anonymous union (both in
    kernel structs).
    """

    name: str
    type: Type
    offset: int
    padding: bool = False
    bit_offset: int = 0
    bit_size: int = 0
    in_union: bool = False


@dataclass(frozen=True, slots=True)
class StructDef:
    """The layout of a struct: every byte belongs to exactly one field, padding included.

    ``spelling`` is how C names the type (``struct x``, ``union x`` or a typedef). ``foreign`` ones come from the kernel
    or its headers: only the fields used need be there, holes have no padding field, and fields may overlap (the members
    of anonymous unions are listed like any others). An anonymous struct or union is called ``OUTER.MEMBER`` after the
    member that it is the type of; its spelling is ``struct`` or ``union``. ``header`` is the C header that defines the
    type just so (``linux/in.h``), if there is one.
    """

    type: Struct
    fields: tuple[Field, ...]
    packed: bool = False
    spelling: str = ""
    doc: str = ""
    foreign: bool = False
    header: str = ""

    def field(self, name: str) -> Field | None:
        """The field called ``name``, or ``None``."""
        return next((field for field in self.fields if field.name == name and not field.padding), None)


def meet(one: Field, other: Field, before: int = 0) -> bool:
    """Whether two fields share some bits, if the struct of ``one`` begins ``before`` bits behind that of ``other``."""
    first, second = before + _first_bit(one), _first_bit(other)
    return first < second + _bits(other) and second < first + _bits(one)


def _first_bit(field: Field) -> int:
    return field.offset * 8 + field.bit_offset


def _bits(field: Field) -> int:
    return field.bit_size or field.type.size * 8


def interchange(one: Type, other: Type) -> bool:
    """Whether a value of one type may be stored as the other: the same type, or bytes (``char[n]`` or 8-bit integers)
    of one size."""
    return one == other or (one.size == other.size and _holds_bytes(one) and _holds_bytes(other))


def _holds_bytes(type_: Type) -> bool:
    return isinstance(type_, Chars) or (
        isinstance(type_, Array) and isinstance(type_.element, Int) and type_.align == 1
    )
