# SPDX-License-Identifier: Apache-2.0
"""Memory as the language page describes it, for `source_evaluator`: layouts of structs, maps, references.

Nothing here comes from the compiler: sizes and offsets are C's, and what map operations give is bpf(2)'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WORD = 2**64
E2BIG, EEXIST, EINVAL, ENOENT = -7, -17, -22, -2

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "s8": 1, "s16": 2, "s32": 4, "s64": 8, "be16": 2, "be32": 4, "be64": 8}


@dataclass(frozen=True, slots=True)
class Number:
    """A 64-bit integer in host order; ``bits`` is ``None`` where only its type matters.

    ``loose`` is what was a literal before it was passed to a function, or met another value: whether it still has no
    type of its own depends on the other calls, and on what is known when the module is compiled.
    """

    bits: int | None
    signed: bool
    literal: bool = False
    loose: bool = False

    @property
    def value(self) -> int:
        """The number that the bits stand for."""
        assert self.bits is not None
        return self.bits - WORD if self.signed and self.bits >= WORD // 2 else self.bits


@dataclass(frozen=True, slots=True)
class Network:
    """An integer in network order: what its bytes say when they are read from the left."""

    bits: int | None
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A struct's fields with their types and offsets."""

    name: str
    fields: dict[str, tuple[str, int]]
    size: int
    align: int


class Layouts:
    """The structs of a module."""

    def __init__(self) -> None:
        self.known: dict[str, Layout] = {}

    def declare(self, name: str, fields: list[tuple[str, str]], *, packed: bool) -> None:
        """C's layout: each field at the next multiple of its alignment."""
        at, widest, found = 0, 1, dict[str, tuple[str, int]]()
        for field_, type_ in fields:
            align = 1 if packed else self.align(type_)
            widest = max(widest, align)
            at = -(-at // align) * align
            found[field_] = (type_, at)
            at += self.size(type_)
        self.known[name] = Layout(name, found, -(-at // widest) * widest, widest)

    def size(self, type_: str) -> int:
        kind, _, rest = type_.partition(":")
        if kind == "array":
            return int(rest)
        return self.known[rest].size if kind == "struct" else SIZES[type_]

    def align(self, type_: str) -> int:
        kind, _, rest = type_.partition(":")
        if kind == "array":
            return 1
        return self.known[rest].align if kind == "struct" else SIZES[type_]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A struct or an array somewhere: a variable's own, a map value, a record, a part of the packet."""

    type: str
    home: str
    memory: bytearray = field(repr=False)
    offset: int = 0


def encoded(value: int, type_: str) -> bytes:
    """An integer as it is stored: cut off, in the type's byte order."""
    size = SIZES[type_]
    return int(value % 2 ** (8 * size)).to_bytes(size, "big" if type_.startswith("be") else "little")


def decoded(data: bytes, type_: str) -> Number | Network:
    """The stored integer."""
    if type_.startswith("be"):
        return Network(int.from_bytes(data, "big"), 8 * len(data))
    signed = type_.startswith("s")
    return Number(int.from_bytes(data, "little", signed=signed) % WORD, signed)


@dataclass(slots=True)
class Store:
    """A map: hash tables in the order of insertion, arrays with all their entries."""

    kind: str
    key: str
    value: str
    most: int
    size: int
    entries: dict[bytes, bytearray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "array" in self.kind:
            self.entries = {index.to_bytes(4, "little"): bytearray(self.size) for index in range(self.most)}

    def update(self, key: bytes, value: bytes, flag: str) -> int:
        """``bpf_map_update_elem``; entries are changed where they lie, except in a hash table, which makes new ones."""
        if "array" in self.kind:
            if key not in self.entries:
                return E2BIG
            if flag == "BPF_NOEXIST":
                return EEXIST
        elif key in self.entries:
            if flag == "BPF_NOEXIST":
                return EEXIST
        elif flag == "BPF_EXIST":
            return ENOENT
        elif len(self.entries) >= self.most:
            return E2BIG
        if key in self.entries and ("array" in self.kind or "percpu" in self.kind):
            self.entries[key][:] = value
        else:
            self.entries[key] = bytearray(value)
        return 0

    def delete(self, key: bytes) -> int:
        """``bpf_map_delete_elem``."""
        if "array" in self.kind:
            return EINVAL
        return ENOENT if self.entries.pop(key, None) is None else 0
