# SPDX-License-Identifier: Apache-2.0
"""Turns BTF types into the records that ``honey.kernel.layout.decode_type`` reads."""

from __future__ import annotations

from typing import Any

from honey.kernel.generate.btf import Btf, BtfType, Kind, Member

INTEGER_SPELLINGS = {
    "long unsigned int": "unsigned long",
    "short int": "short",
    "short unsigned int": "unsigned short",
    "long long int": "long long",
    "long long unsigned int": "unsigned long long",
    "long int": "long",
    "ssizetype": "long",
    "__int128 unsigned": "unsigned __int128",
}
"""The compiler's names of integer types, and how C is usually written."""


def encode_type(btf: Btf, number: int) -> Any:
    """The record of type ``number``: named structs by reference, anonymous ones in full, qualifiers left out."""
    type_ = btf.unqualified(number)
    match type_.kind:
        case Kind.VOID:
            return None
        case Kind.INT:
            return INTEGER_SPELLINGS.get(type_.name, type_.name)
        case Kind.FLOAT:
            return ["[", type_.size, "unsigned char"]
        case Kind.PTR:
            return ["*", encode_type(btf, type_.ref)]
        case Kind.ARRAY:
            return ["[", type_.length, encode_type(btf, type_.ref)]
        case Kind.STRUCT | Kind.UNION:
            head = "s" if type_.kind is Kind.STRUCT else "u"
            if type_.name:
                return [head, type_.name, type_.size]
            return [head.upper(), type_.size, encode_members(btf, type_)]
        case Kind.FWD:
            return ["u" if type_.flag else "s", type_.name, 0]
        case Kind.ENUM | Kind.ENUM64:
            return ["e", type_.name, type_.size, int(_signed(type_))]
        case Kind.TYPEDEF:
            return ["t", type_.name, encode_type(btf, type_.ref)]
        case Kind.FUNC_PROTO:
            return ["f"]
        case _:
            raise ValueError(f"a {type_.kind.name} where a type of C is expected")


def encode_members(btf: Btf, type_: BtfType) -> list[list[Any]]:
    """The member records of a struct or union, in order."""
    return [_encode_member(btf, member) for member in type_.members]


def _encode_member(btf: Btf, member: Member) -> list[Any]:
    record = [member.name, encode_type(btf, member.type)]
    if not member.bits:
        return [*record, member.bit_offset // 8]
    unit = size_of(btf, member.type)
    offset = member.bit_offset // (unit * 8) * unit
    return [*record, offset, member.bit_offset - offset * 8, member.bits]


def encode_enum(type_: BtfType) -> list[int]:
    """Size and signedness of an enumeration."""
    return [type_.size, int(_signed(type_))]


def size_of(btf: Btf, number: int) -> int:
    """Bytes of type ``number``, 0 for void and functions."""
    type_ = btf.unqualified(number)
    match type_.kind:
        case Kind.PTR:
            return 8
        case Kind.ARRAY:
            return type_.length * size_of(btf, type_.ref)
        case Kind.TYPEDEF:
            return size_of(btf, type_.ref)
        case _:
            return type_.size


def _signed(type_: BtfType) -> bool:
    return any(value < 0 for _, value in type_.values)
