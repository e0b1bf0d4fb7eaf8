# SPDX-License-Identifier: Apache-2.0
"""What `program_text` has declared: structs, maps, functions and their types."""

from __future__ import annotations

from dataclasses import dataclass

HOST = ("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64")
NETWORK = ("be16", "be32", "be64")
ATOMS = ("sent", "received", "dropped")


@dataclass(frozen=True, slots=True)
class StructType:
    """A declared struct: fields by name; a field's type is a scalar, ``array:N`` (of u8), or ``struct:NAME``."""

    name: str
    fields: tuple[tuple[str, str], ...]

    def of(self, types: tuple[str, ...]) -> list[str]:
        """The fields with one of these types."""
        return [name for name, type_ in self.fields if type_ in types]

    @property
    def nested(self) -> bool:
        """Whether there is a struct in it."""
        return any(type_.startswith("struct") for _, type_ in self.fields)


@dataclass(frozen=True, slots=True)
class MapType:
    """A declared map; key and value are scalars or ``struct:NAME``."""

    name: str
    kind: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A declared function: kinds of its parameters, and of its result."""

    name: str
    params: tuple[str, ...]
    result: str


def spelled(type_: str) -> str:
    """A type as a declaration has it."""
    if type_.startswith("array:"):
        return f"{{:array, :u8, {type_[6:]}}}"
    return f":{type_.removeprefix('struct:')}"
