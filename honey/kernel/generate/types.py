# SPDX-License-Identifier: Apache-2.0
"""The table of structs, unions, enumerations and typedefs: the kernel's, and what only user space's headers have."""

from __future__ import annotations

from typing import Any

from honey.kernel.generate.btf import Btf, BtfType, Kind
from honey.kernel.generate.encode import encode_enum, encode_members, encode_type

LETTERS = {
    Kind.STRUCT: "s",
    Kind.UNION: "u",
    Kind.ENUM: "e",
    Kind.ENUM64: "e",
    Kind.FWD: "s",
    Kind.TYPEDEF: "t",
}


def type_records(*sources: Btf) -> dict[str, Any]:
    """Records by name; of several definitions of a name, the first counts (an earlier source before a later one).

    A record holds one entry for each of C's name spaces: the tag (``s``, ``u`` or ``e``) and the typedef (``t``).
    """
    records: dict[str, Any] = {}
    for btf in sources:
        for type_ in btf.of_kind(*LETTERS):
            if type_.name and type_.kind is not Kind.FWD:
                _add(records.setdefault(type_.name, {}), btf, type_)
    for btf in sources:
        for type_ in btf.of_kind(Kind.FWD):
            entry = records.setdefault(type_.name, {})
            if not entry.keys() & set("sue"):
                entry["u" if type_.flag else "s"] = [0, []]
    return records


def _add(entry: dict[str, Any], btf: Btf, type_: BtfType) -> None:
    letter = LETTERS[type_.kind]
    if letter in entry or (letter != "t" and entry.keys() & set("sue")):
        return
    if letter == "t":
        entry[letter] = encode_type(btf, type_.ref)
    elif letter == "e":
        entry[letter] = encode_enum(type_)
    else:
        entry[letter] = [type_.size, encode_members(btf, type_)]
