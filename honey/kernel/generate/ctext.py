# SPDX-License-Identifier: Apache-2.0
"""Reads simple C type names (``const struct iovec *``), as formats and helper prototypes spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from honey.kernel.layout import BASE_INTEGERS

QUALIFIERS = {"const", "volatile", "restrict", "__user", "__kernel"}
INTEGER_WORDS = {
    "unsigned": "unsigned int",
    "signed": "int",
    "long unsigned int": "unsigned long",
    "unsigned long int": "unsigned long",
    "long int": "long",
}


def type_from_text(text: str, types: Mapping[str, Any]) -> Any:
    """The type record that ``text`` names, with tags and typedefs taken from the type records ``types``.

    A tag that ``types`` lacks is only declared (size 0). Raises ``ValueError`` for any other unknown name.
    """
    words = [word for word in re.findall(r"\w+|\*", text) if word not in QUALIFIERS]
    pointers = words.count("*")
    base = _base(" ".join(word for word in words if word != "*"), types)
    for _ in range(pointers):
        base = ["*", base]
    return base


def _base(name: str, types: Mapping[str, Any]) -> Any:
    if name == "void":
        return None
    name = INTEGER_WORDS.get(name, name)
    if name in BASE_INTEGERS:
        return name
    if name == "bool":
        return ["t", name, "_Bool"]
    keyword, _, tag = name.partition(" ")
    if keyword in ("struct", "union"):
        letter = keyword[0]
        return [letter, tag, types.get(tag, {}).get(letter, [0])[0]]
    if keyword == "enum":
        return ["e", tag, *types.get(tag, {}).get("e", [4, 0])]
    if "t" in types.get(name, {}):
        return ["t", name, types[name]["t"]]
    raise ValueError(f"no type is called {name!r}")
