# SPDX-License-Identifier: Apache-2.0
"""The kernel's C types as values: sizes, offsets and spellings as BTF has them (x86-64, LP64)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from honey.records import dataclass, replace

BASE_INTEGERS: dict[str, tuple[int, bool]] = {
    "_Bool": (1, False),
    "char": (1, True),
    "signed char": (1, True),
    "unsigned char": (1, False),
    "short": (2, True),
    "unsigned short": (2, False),
    "int": (4, True),
    "unsigned int": (4, False),
    "long": (8, True),
    "unsigned long": (8, False),
    "long long": (8, True),
    "unsigned long long": (8, False),
    "__int128": (16, True),
    "unsigned __int128": (16, False),
}
"""C's integer types: bytes and signedness."""

BIG_ENDIAN_TYPEDEFS = {"__be16": 16, "__be32": 32, "__be64": 64}
"""Typedef names of values in network byte order, and their bits."""

PORTABLE_TYPEDEFS = frozenset(
    [f"__{sign}{bits}" for sign in "us" for bits in (8, 16, 32, 64)]
    + [f"__{order}e{bits}" for order in "bl" for bits in (16, 32, 64)]
)
"""Typedefs that <linux/types.h> declares, and that C may therefore be spelt with."""


@dataclass(frozen=True, slots=True)
class KernelInt:
    """An integer type of C; ``name`` is its spelling, such as ``unsigned int``, ``char`` or ``_Bool``."""

    name: str
    size: int
    signed: bool


@dataclass(frozen=True, slots=True)
class KernelPointer:
    """A pointer; ``target`` is ``None`` for ``void *``."""

    target: KernelType | None
    size = 8


@dataclass(frozen=True, slots=True)
class KernelArray:
    """An array of ``length`` elements; length 0 is a flexible array member."""

    element: KernelType
    length: int

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.element.size * self.length


@dataclass(frozen=True, slots=True)
class KernelStructRef:
    """A struct or union by name; ``honey.kernel.types.struct(name)`` gives its fields.

    ``keyword`` is ``struct`` or ``union``; ``size`` is 0 where the kernel only declares the type.
    """

    keyword: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class KernelEnum:
    """An enumeration; ``name`` is ``None`` for an anonymous one."""

    name: str | None
    size: int
    signed: bool


@dataclass(frozen=True, slots=True)
class KernelTypedef:
    """Another name for ``target`` (``None``: for void)."""

    name: str
    target: KernelType | None

    @property
    def size(self) -> int:
        """Bytes in memory, 0 for void."""
        return self.target.size if self.target is not None else 0


@dataclass(frozen=True, slots=True)
class KernelFunction:
    """The type of a function; only pointers to it occur. Its prototype is left out."""

    size = 0


@dataclass(frozen=True, slots=True)
class KernelField:
    """A member of a struct or union.

    ``offset`` is in bytes from the start of the struct asked about. A bit-field has a ``bit_size`` above 0, and then
    ``offset`` is that of its storage unit and ``bit_offset`` counts from that unit's lowest bit. ``name`` is ``""``
    for an anonymous struct or union.
    """

    name: str
    offset: int
    type: KernelType
    bit_offset: int = 0
    bit_size: int = 0


@dataclass(frozen=True, slots=True)
class KernelStruct:
    """A struct or union with its members in order; ``name`` is ``""`` for an anonymous one.

    ``typedef`` is set where C knows the type only through a typedef (``wait_queue_head_t``). ``relocatable`` is unset
    for types that only user space's headers have (``sockaddr_storage``): the kernel's BTF could not relocate them.
    ``header`` is the C header that defines it just so (``linux/in.h``), or ``""``. ``stable`` is set where every
    kernel has these fields at these places, because user space relies on it: the type is in a header, or system calls
    take it. Newer kernels may add fields at the end.
    """

    keyword: str
    name: str
    size: int
    members: tuple[KernelField, ...]
    typedef: bool = False
    relocatable: bool = True
    header: str = ""
    stable: bool = False

    @property
    def spelling(self) -> str:
        """How C names the type: ``struct msghdr``."""
        return self.name if self.typedef else f"{self.keyword} {self.name}".rstrip()

    def fields(self) -> Iterator[KernelField]:
        """All fields that C lets one name directly, those of anonymous members included, with their offset here."""
        for member in self.members:
            if member.name:
                yield member
            elif isinstance(member.type, KernelStruct):
                for field in member.type.fields():
                    yield replace(field, offset=member.offset + field.offset)

    def field(self, name: str) -> KernelField | None:
        """The field called ``name``, looked for in anonymous members too, or ``None``."""
        return next((field for field in self.fields() if field.name == name), None)

    def in_union(self, name: str) -> bool:
        """Whether the field called ``name`` is a member of an anonymous union."""
        for member in self.members:
            if not member.name and isinstance(member.type, KernelStruct) and member.type.field(name) is not None:
                return member.type.keyword == "union" or member.type.in_union(name)
        return False


KernelType = (
    KernelInt
    | KernelPointer
    | KernelArray
    | KernelStructRef
    | KernelStruct
    | KernelEnum
    | KernelTypedef
    | KernelFunction
)


def resolve(type_: KernelType | None) -> KernelType | None:
    """``type_`` without its typedefs; ``None`` is void."""
    while isinstance(type_, KernelTypedef):
        type_ = type_.target
    return type_


def big_endian_bits(type_: KernelType | None) -> int:
    """16, 32 or 64 where the type is one of the kernel's big-endian typedefs, else 0."""
    while isinstance(type_, KernelTypedef):
        if type_.name in BIG_ENDIAN_TYPEDEFS:
            return BIG_ENDIAN_TYPEDEFS[type_.name]
        type_ = type_.target
    return 0


def honey_name(type_: KernelType | None) -> str | None:
    """How Honey calls a scalar: ``u32``, ``s16``, ``be16``, ``bool``, ``ptr``; ``None`` for arrays and structs.

    A ``char`` is ``s8``, as on x86-64 and for eBPF; an enumeration is the integer that holds it.
    """
    if bits := big_endian_bits(type_):
        return f"be{bits}"
    match resolve(type_):
        case KernelInt(name="_Bool"):
            return "bool"
        case KernelInt(size=size, signed=signed) | KernelEnum(size=size, signed=signed) if size <= 8:
            return f"{'s' if signed else 'u'}{size * 8}"
        case KernelPointer():
            return "ptr"
        case _:
            return None


def pointee(type_: KernelType | None) -> KernelStructRef | KernelStruct | None:
    """The struct or union that a pointer leads to, or ``None`` where ``type_`` is no such pointer."""
    pointer = resolve(type_)
    target = resolve(pointer.target) if isinstance(pointer, KernelPointer) else None
    return target if isinstance(target, KernelStructRef | KernelStruct) else None


def spell(type_: KernelType | None, declarator: str = "") -> str:
    """The C declaration of ``declarator`` as ``type_``: ``struct sockaddr *addr``, ``char comm[16]``.

    Typedefs outside <linux/types.h> are spelt as what they stand for, so that no other declaration is needed; a
    pointer to a function or to an anonymous struct is spelt ``void *``, which BTF relocation treats alike.
    """
    match type_:
        case KernelTypedef(name=name) if name in PORTABLE_TYPEDEFS:
            return _join(name, declarator)
        case KernelTypedef(target=target):
            return spell(target, declarator)
        case KernelPointer(target=target):
            return _spell_pointer(target, declarator)
        case KernelArray(element=element, length=length):
            return spell(element, f"{declarator}[{length or ''}]")
        case KernelStructRef(keyword=keyword, name=name):
            return _join(f"{keyword} {name}", declarator)
        case KernelStruct() as struct:
            members = " ".join(f"{spell_field(member)};" for member in struct.members)
            return _join(f"{struct.keyword} {{ {members} }}", declarator)
        case KernelInt(name=name):
            return _join(name, declarator)
        case KernelEnum(size=size, signed=signed):
            return _join(f"__{'s' if signed else 'u'}{size * 8}", declarator)
        case _:
            return _join("void", declarator)


def spell_field(field: KernelField) -> str:
    """The C declaration of a member, without the semicolon: ``__u16 port``, ``unsigned int flag:3``."""
    return spell(field.type, f"{field.name}:{field.bit_size}" if field.bit_size else field.name)


def _spell_pointer(target: KernelType | None, declarator: str) -> str:
    match resolve(target):
        case KernelStruct() | KernelFunction() | None:
            return spell(None, f"*{declarator}")
        case KernelArray():
            return spell(target, f"(*{declarator})")
        case _:
            return spell(target, f"*{declarator}")


def _join(base: str, declarator: str) -> str:
    return f"{base} {declarator}" if declarator else base


def decode_type(record: Any) -> KernelType | None:
    """The type that ``record``, the JSON of a data file, stands for; ``None`` is void.

    A string is an integer type. Else a list whose head says which: ``*`` pointer, ``[`` array, ``s``/``u`` named and
    ``S``/``U`` anonymous struct or union, ``e`` enumeration, ``t`` typedef, ``f`` function.
    """
    if record is None:
        return None
    if isinstance(record, str):
        size, signed = BASE_INTEGERS[record]
        return KernelInt(record, size, signed)
    match record:
        case ["*", target]:
            return KernelPointer(decode_type(target))
        case ["[", length, element]:
            return KernelArray(_decode_object(element), length)
        case ["s" | "u" as head, name, size]:
            return KernelStructRef("struct" if head == "s" else "union", name, size)
        case ["S" | "U" as head, size, members]:
            return KernelStruct("struct" if head == "S" else "union", "", size, decode_members(members))
        case ["e", name, size, signed]:
            return KernelEnum(name or None, size, bool(signed))
        case ["t", name, target]:
            return KernelTypedef(name, decode_type(target))
        case ["f"]:
            return KernelFunction()
    raise ValueError(f"not a type record: {record!r}")


def decode_members(records: list[Any]) -> tuple[KernelField, ...]:
    """The members that a struct's record lists: name, type, byte offset, for bit-fields also bit offset and size."""
    return tuple(KernelField(name, offset, _decode_object(type_), *bits) for name, type_, offset, *bits in records)


def _decode_object(record: Any) -> KernelType:
    type_ = decode_type(record)
    if type_ is None:
        raise ValueError("a member or element of type void")
    return type_
