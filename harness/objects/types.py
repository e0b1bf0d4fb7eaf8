# SPDX-License-Identifier: Apache-2.0
"""The types of BTF as frozen dataclasses (kernel ``Documentation/bpf/btf.rst``).

Types refer to each other by id within their :class:`harness.objects.btf.Btf`; id 0 is ``void``.
Sizes are bytes unless a name says bits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Void:
    """``void``, type id 0."""

    name: str = "void"


@dataclass(frozen=True, slots=True)
class Int:
    """An integer of ``size`` bytes of which ``bits`` from bit ``offset`` count."""

    name: str
    size: int
    bits: int
    offset: int
    signed: bool
    char: bool
    boolean: bool


@dataclass(frozen=True, slots=True)
class Float:
    """A floating point number of ``size`` bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer to type ``target``; eight bytes."""

    target: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Array:
    """``length`` elements of type ``element``."""

    element: int
    index: int
    length: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A field: ``bit_size`` is 0 where it is no bit field. An empty name is an anonymous struct or union."""

    name: str
    type: int
    bit_offset: int
    bit_size: int


@dataclass(frozen=True, slots=True)
class Composite:
    """A ``struct`` or a ``union`` of ``size`` bytes."""

    name: str
    size: int
    union: bool
    members: tuple[Member, ...]

    @property
    def keyword(self) -> str:
        """``struct`` or ``union``."""
        return "union" if self.union else "struct"


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration of ``size`` bytes with its ``(name, value)`` pairs."""

    name: str
    size: int
    signed: bool
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Forward:
    """A declaration without a definition."""

    name: str
    union: bool


@dataclass(frozen=True, slots=True)
class Alias:
    """A name or qualifier before another type; ``kind`` is typedef, const, volatile, restrict or type_tag."""

    name: str
    kind: str
    target: int


@dataclass(frozen=True, slots=True)
class FunctionProto:
    """A function's type: what it returns and ``(name, type)`` of each parameter."""

    returns: int
    parameters: tuple[tuple[str, int], ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A function's name and prototype; ``linkage`` is 0 static, 1 global, 2 extern."""

    name: str
    proto: int
    linkage: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A global variable; ``linkage`` as for functions."""

    name: str
    type: int
    linkage: int


@dataclass(frozen=True, slots=True)
class DataSection:
    """A section and ``(variable id, offset, size)`` of each variable in it."""

    name: str
    size: int
    variables: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class DeclarationTag:
    """``btf_decl_tag`` on ``target`` (or its component)."""

    name: str
    target: int
    component: int


Type = (
    Void
    | Int
    | Float
    | Pointer
    | Array
    | Composite
    | Enum
    | Forward
    | Alias
    | FunctionProto
    | FunctionType
    | Variable
    | DataSection
    | DeclarationTag
)
