# SPDX-License-Identifier: Apache-2.0
"""The kernel's structs, unions, enumerations and typedefs by name, read one by one from the kernel's own BTF.

User-space views that the kernel's BTF lacks come from its UAPI headers. Layouts are those of the kernel named by
``source()``; on another kernel fields may lie elsewhere, which BTF relocation settles when a program is loaded.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from honey.kernel.layout import (
    KernelEnum,
    KernelStruct,
    KernelStructRef,
    KernelType,
    KernelTypedef,
    decode_members,
    decode_type,
    resolve,
)
from honey.kernel.table import table

TABLE = "types"


@cache
def struct(name: str) -> KernelStruct | None:
    """The struct or union called ``name``, by tag or by a typedef for one, with its fields; ``None`` if unknown.

    A type that the kernel declares without defining has no fields and size 0.
    """
    record = table(TABLE).get(name)
    if record is None:
        return None
    for letter, keyword in (("s", "struct"), ("u", "union")):
        if letter in record:
            size, members = record[letter]
            header = record.get("header", "")
            return KernelStruct(
                keyword,
                name,
                size,
                decode_members(members),
                relocatable="user" not in record,
                header=header,
                stable=bool(header) or "argument" in record,
            )
    return _behind_typedef(name, resolve(decode_type(record["t"]))) if "t" in record else None


def _behind_typedef(name: str, target: KernelType | None) -> KernelStruct | None:
    match target:
        case KernelStructRef(name=tag):
            return struct(tag)
        case KernelStruct(keyword=keyword, size=size, members=members):
            return KernelStruct(keyword, name, size, members, typedef=True)
        case _:
            return None


@cache
def enum(name: str) -> KernelEnum | None:
    """The enumeration ``enum name``, or ``None``."""
    record = _part(name, "e")
    return KernelEnum(name, record[0], bool(record[1])) if record is not None else None


@cache
def typedef(name: str) -> KernelTypedef | None:
    """The typedef called ``name`` with the type it stands for, or ``None``."""
    record = table(TABLE).get(name)
    return KernelTypedef(name, decode_type(record["t"])) if record is not None and "t" in record else None


def members_of(type_: KernelType | None) -> KernelStruct | None:
    """The struct or union that a field's type is, typedefs looked through, with its fields; else ``None``."""
    match resolve(type_):
        case KernelStruct() as anonymous:
            return anonymous
        case KernelStructRef(name=name):
            return struct(name)
        case _:
            return None


def names() -> tuple[str, ...]:
    """All tags and typedef names, sorted."""
    return table(TABLE).names()


def source() -> str:
    """The kernel that the layouts are of."""
    return table(TABLE).source


def _part(name: str, kind: str) -> Any | None:
    record = table(TABLE).get(name)
    return record.get(kind) if record is not None else None
