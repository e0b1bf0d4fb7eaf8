# SPDX-License-Identifier: Apache-2.0
"""The table of structs, unions, enumerations and typedefs: the kernel's, and what only user space's headers have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from honey.kernel.generate.btf import Btf, BtfType, Kind, parse
from honey.kernel.generate.encode import encode_enum, encode_members, encode_type
from honey.kernel.generate.headers import HeaderStructs
from honey.kernel.layout import KernelStruct, decode_members, decode_type, pointee

LETTERS = {
    Kind.STRUCT: "s",
    Kind.UNION: "u",
    Kind.ENUM: "e",
    Kind.ENUM64: "e",
    Kind.TYPEDEF: "t",
}
TAG_LETTERS = frozenset("sue")


def type_records(kernel: Btf, headers: Iterable[HeaderStructs]) -> dict[str, Any]:
    """Records by name; of several definitions of a name, the kernel's first one counts.

    A record holds one entry for each of C's name spaces: the tag (``s``, ``u`` or ``e``) and the typedef (``t``).
    ``"header"`` is the C header that defines the struct, where there is one and the kernel's layout is the same;
    ``"user": 1`` marks what only the headers have.
    """
    records: dict[str, Any] = {}
    _add_all(records, kernel)
    for type_ in kernel.of_kind(Kind.FWD):
        entry = records.setdefault(type_.name, {})
        if not entry.keys() & TAG_LETTERS:
            entry["u" if type_.flag else "s"] = [0, []]
    others: dict[str, Any] = {}
    for header in headers:
        own: dict[str, Any] = {}
        _add_all(own, parse(header.btf))
        for name, record in own.items():
            others.setdefault(name, {**record, "header": header.origins.get(name, "")})
    for name, record in others.items():
        if name not in records:
            records[name] = {**record, "user": 1}
        elif record["header"] and _same_layout(records[name], record):
            records[name]["header"] = record["header"]
    return records


def mark_arguments(records: dict[str, Any], syscalls: Mapping[str, Any]) -> None:
    """Marks with ``"argument": 1`` the structs that arguments of system calls point to."""
    for syscall in syscalls.values():
        for _, type_ in syscall[1] if isinstance(syscall, list) else ():
            found = pointee(decode_type(type_))
            if found is not None and found.name in records:
                records[found.name]["argument"] = 1


def _same_layout(kernel: Mapping[str, Any], header: Mapping[str, Any]) -> bool:
    """Whether two definitions have the same size, and the fields they share at the same offsets."""
    letter = next((letter for letter in "su" if letter in kernel and letter in header), None)
    if letter is None or kernel[letter][0] != header[letter][0]:
        return False
    offsets, others = (
        {field.name: field.offset for field in KernelStruct("", "", 0, decode_members(record[letter][1])).fields()}
        for record in (kernel, header)
    )
    shared = offsets.keys() & others.keys()
    # Opaque types (bpf_timer) have no named fields at all.
    return bool(shared or not offsets) and all(offsets[name] == others[name] for name in shared)


def _add_all(records: dict[str, Any], btf: Btf) -> None:
    for type_ in btf.of_kind(*LETTERS):
        if type_.name:
            _add(records.setdefault(type_.name, {}), btf, type_)


def _add(entry: dict[str, Any], btf: Btf, type_: BtfType) -> None:
    letter = LETTERS[type_.kind]
    if letter in entry or (letter != "t" and entry.keys() & TAG_LETTERS):
        return
    if letter == "t":
        entry[letter] = encode_type(btf, type_.ref)
    elif letter == "e":
        entry[letter] = encode_enum(type_)
    else:
        entry[letter] = [type_.size, encode_members(btf, type_)]
