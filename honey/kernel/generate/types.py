# SPDX-License-Identifier: Apache-2.0
"""The table of structs, unions, enumerations and typedefs: the kernel's, and what only user space's headers have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from honey.kernel.generate.btf import Btf, BtfType, Kind
from honey.kernel.generate.encode import encode_enum, encode_members, encode_type

LETTERS = {
    Kind.STRUCT: "s",
    Kind.UNION: "u",
    Kind.ENUM: "e",
    Kind.ENUM64: "e",
    Kind.TYPEDEF: "t",
}
TAG_LETTERS = frozenset("sue")


def type_records(kernel: Btf, headers: Iterable[Btf]) -> dict[str, Any]:
    """Records by name; of several definitions of a name, the kernel's first one counts.

    A record holds one entry for each of C's name spaces: the tag (``s``, ``u`` or ``e``) and the typedef (``t``).
    ``"user": 1`` marks what only the headers have.
    """
    records: dict[str, Any] = {}
    _add_all(records, kernel)
    for type_ in kernel.of_kind(Kind.FWD):
        entry = records.setdefault(type_.name, {})
        if not entry.keys() & TAG_LETTERS:
            entry["u" if type_.flag else "s"] = [0, []]
    others: dict[str, Any] = {}
    for btf in headers:
        _add_all(others, btf)
    return {name: {**record, "user": 1} for name, record in others.items()} | records


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
