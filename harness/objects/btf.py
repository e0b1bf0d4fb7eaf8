# SPDX-License-Identifier: Apache-2.0
"""BTF: the types of an object or of a kernel, decoded lazily (kernel ``Documentation/bpf/btf.rst``).

A kernel's BTF has well over a hundred thousand types of which a program needs a dozen, so opening one only finds
where each type starts; a type becomes a dataclass when it is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.objects import types as t
from harness.objects.errors import ObjectError

MAGIC: Final = 0xEB9F
POINTER_SIZE: Final = 8
VMLINUX: Final = Path("/sys/kernel/btf/vmlinux")

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(1, 12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)

_HEADER: Final = struct.Struct("<HBBIIIII")
_TYPE: Final = struct.Struct("<III")
_PAIR: Final = struct.Struct("<II")
_TRIPLE: Final = struct.Struct("<III")
_WORD: Final = struct.Struct("<I")
_NAMED_INT: Final = struct.Struct("<Ii")

#: Bytes that follow the common part of a type: per kind a fixed part and one per element of ``vlen``.
_EXTRA: Final = {
    INT: (4, 0),
    PTR: (0, 0),
    ARRAY: (12, 0),
    STRUCT: (0, 12),
    UNION: (0, 12),
    ENUM: (0, 8),
    FWD: (0, 0),
    TYPEDEF: (0, 0),
    VOLATILE: (0, 0),
    CONST: (0, 0),
    RESTRICT: (0, 0),
    FUNC: (0, 0),
    FUNC_PROTO: (0, 8),
    VAR: (4, 0),
    DATASEC: (0, 12),
    FLOAT: (0, 0),
    DECL_TAG: (4, 0),
    TYPE_TAG: (0, 0),
    ENUM64: (0, 12),
}
_ALIASES: Final = {
    TYPEDEF: "typedef",
    VOLATILE: "volatile",
    CONST: "const",
    RESTRICT: "restrict",
    TYPE_TAG: "type_tag",
}


class Btf:
    """The types in one BTF blob; ids count from 1, and 0 is ``void``."""

    def __init__(self, data: bytes) -> None:
        """Raises :class:`ObjectError` where ``data`` is no little-endian BTF of version 1."""
        if len(data) < _HEADER.size:
            raise ObjectError("the BTF is shorter than its header")
        magic, version, _, header, type_at, type_length, string_at, string_length = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ObjectError(f"no little-endian BTF (magic {magic:#x})")
        if version != 1:
            raise ObjectError(f"BTF version {version} is not known")
        self._types = data[header + type_at : header + type_at + type_length]
        self._strings = data[header + string_at : header + string_at + string_length]
        if len(self._types) != type_length or len(self._strings) != string_length:
            raise ObjectError("the BTF ends before its last section")
        self._offsets, self._heads = self._index()
        self._cache: dict[int, t.Type] = {0: t.Void()}
        self._by_name: dict[bytes, list[int]] | None = None

    def _index(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Where each type starts, and its (kind, name offset)."""
        types, unpack, extra = self._types, _PAIR.unpack_from, _EXTRA
        offsets, heads = [0], [(0, 0)]
        at, end = 0, len(types)
        try:
            while at < end:
                name, info = unpack(types, at)
                kind = info >> 24 & 0x1F
                fixed, each = extra[kind]
                offsets.append(at)
                heads.append((kind, name))
                at += 12 + fixed + each * (info & 0xFFFF)
        except (KeyError, struct.error) as error:
            raise ObjectError(f"BTF type {len(offsets)} has an unknown kind or is cut off") from error
        return offsets, heads

    def __len__(self) -> int:
        """Number of types, ``void`` included."""
        return len(self._offsets)

    def string(self, offset: int) -> str:
        """The string at ``offset`` of the string section."""
        return self._string(offset).decode("utf-8", "replace")

    def _string(self, offset: int) -> bytes:
        end = self._strings.find(b"\0", offset)
        if end < 0:
            raise ObjectError(f"BTF string offset {offset} is out of range")
        return self._strings[offset:end]

    def kind(self, type_id: int) -> int:
        """The kind number (``INT`` ...) of a type, without decoding it."""
        return self._heads[type_id][0]

    def name(self, type_id: int) -> str:
        """The name of a type, without decoding it."""
        return self.string(self._heads[type_id][1])

    def find_all(self, name: str) -> list[int]:
        """Ids of all types called ``name``, in order."""
        if self._by_name is None:
            by_offset: dict[int, list[int]] = {}
            for type_id, (_, at) in enumerate(self._heads):
                if at:
                    by_offset.setdefault(at, []).append(type_id)
            self._by_name = {}
            for at, ids in by_offset.items():
                self._by_name.setdefault(self._string(at), []).extend(ids)
        return sorted(self._by_name.get(name.encode(), ()))

    def find(self, name: str, *kinds: int) -> int | None:
        """Id of the first type called ``name`` (of one of ``kinds`` where any are given), or None."""
        for type_id in self.find_all(name):
            if not kinds or self.kind(type_id) in kinds:
                return type_id
        return None

    def __iter__(self) -> Iterator[tuple[int, t.Type]]:
        for type_id in range(len(self._offsets)):
            yield type_id, self.type(type_id)

    def type(self, type_id: int) -> t.Type:
        """The type with this id. Raises :class:`ObjectError` where there is none."""
        found = self._cache.get(type_id)
        if found is None:
            if not 0 <= type_id < len(self._offsets):
                raise ObjectError(f"BTF has no type {type_id}")
            found = self._cache[type_id] = self._decode(self._offsets[type_id])
        return found

    def place_section(self, type_id: int, size: int, offsets: dict[str, int]) -> None:
        """Fill in a data section's size and its variables' offsets, which compilers leave to the symbol table."""
        section = self.type(type_id)
        assert isinstance(section, t.DataSection)
        variables = tuple((v, offsets.get(self.name(v), at), length) for v, at, length in section.variables)
        self._cache[type_id] = t.DataSection(section.name, size, variables)

    def resolve(self, type_id: int) -> int:
        """The id behind typedefs, qualifiers and type tags."""
        while self.kind(type_id) in _ALIASES:
            type_id = _TYPE.unpack_from(self._types, self._offsets[type_id])[2]
        return type_id

    def resolved(self, type_id: int) -> t.Type:
        """The type behind typedefs, qualifiers and type tags."""
        return self.type(self.resolve(type_id))

    def size(self, type_id: int) -> int:
        """Size in bytes. Raises :class:`ObjectError` where a type has none (functions, forward declarations)."""
        kind = self.resolved(type_id)
        if isinstance(kind, (t.Int, t.Float, t.Composite, t.Enum, t.DataSection)):
            return kind.size
        if isinstance(kind, t.Pointer):
            return POINTER_SIZE
        if isinstance(kind, t.Array):
            return kind.length * self.size(kind.element)
        if isinstance(kind, t.Variable):
            return self.size(kind.type)
        raise ObjectError(f"{self.describe(type_id)} has no size")

    def describe(self, type_id: int) -> str:
        """The type as C writes it, for messages."""
        kind = self.type(type_id)
        if isinstance(kind, t.Composite):
            return f"{kind.keyword} {kind.name or '(anonymous)'}"
        if isinstance(kind, t.Enum):
            return f"enum {kind.name or '(anonymous)'}"
        if isinstance(kind, t.Forward):
            return f"{'union' if kind.union else 'struct'} {kind.name}"
        if isinstance(kind, t.Pointer):
            return f"{self.describe(kind.target)} *"
        if isinstance(kind, t.Array):
            return f"{self.describe(kind.element)}[{kind.length}]"
        if isinstance(kind, t.Alias) and kind.kind != "typedef":
            return f"{kind.kind} {self.describe(kind.target)}"
        return kind.name or type(kind).__name__.lower()

    def _decode(self, at: int) -> t.Type:
        name_at, info, size = _TYPE.unpack_from(self._types, at)
        kind, vlen, flag = info >> 24 & 0x1F, info & 0xFFFF, bool(info >> 31)
        name, rest = self.string(name_at), at + _TYPE.size
        if kind in _ALIASES:
            return t.Alias(name, _ALIASES[kind], size)
        if kind == PTR:
            return t.Pointer(size)
        if kind in (STRUCT, UNION):
            return t.Composite(name, size, kind == UNION, self._members(rest, vlen, flag))
        if kind in (ENUM, ENUM64):
            return t.Enum(name, size, flag, self._enumerators(rest, vlen, flag, wide=kind == ENUM64))
        if kind == INT:
            (word,) = _WORD.unpack_from(self._types, rest)
            encoding = word >> 24 & 0xF
            return t.Int(
                name,
                size,
                bits=word & 0xFF,
                offset=word >> 16 & 0xFF,
                signed=bool(encoding & 1),
                char=bool(encoding & 2) or name == "char",
                boolean=bool(encoding & 4),
            )
        if kind == ARRAY:
            return t.Array(*_TRIPLE.unpack_from(self._types, rest))
        if kind == FLOAT:
            return t.Float(name, size)
        if kind == FWD:
            return t.Forward(name, flag)
        return self._decode_symbol(kind, name, size, vlen, rest)

    def _decode_symbol(self, kind: int, name: str, size: int, vlen: int, rest: int) -> t.Type:
        if kind == FUNC:
            return t.FunctionType(name, size, vlen)
        if kind == FUNC_PROTO:
            pairs = (_PAIR.unpack_from(self._types, rest + 8 * index) for index in range(vlen))
            return t.FunctionProto(size, tuple((self.string(at), type_id) for at, type_id in pairs))
        if kind == VAR:
            return t.Variable(name, size, _WORD.unpack_from(self._types, rest)[0])
        if kind == DATASEC:
            each = (_TRIPLE.unpack_from(self._types, rest + 12 * index) for index in range(vlen))
            return t.DataSection(name, size, tuple(each))
        return t.DeclarationTag(name, size, struct.unpack_from("<i", self._types, rest)[0])

    def _members(self, at: int, vlen: int, bit_fields: bool) -> tuple[t.Member, ...]:
        members = []
        for index in range(vlen):
            name, type_id, offset = _TRIPLE.unpack_from(self._types, at + 12 * index)
            bit_size = offset >> 24 if bit_fields else 0
            members.append(t.Member(self.string(name), type_id, offset & 0xFFFFFF if bit_fields else offset, bit_size))
        return tuple(members)

    def _enumerators(self, at: int, vlen: int, signed: bool, *, wide: bool) -> tuple[tuple[str, int], ...]:
        values = []
        for index in range(vlen):
            if wide:
                name, low, high = _TRIPLE.unpack_from(self._types, at + 12 * index)
                value = high << 32 | low
                value -= (signed and value >> 63) << 64
            else:
                # Before 6.0 compilers did not say whether an enumeration is signed: the values are read as int.
                name, value = _NAMED_INT.unpack_from(self._types, at + 8 * index)
            values.append((self.string(name), value))
        return tuple(values)


def read_btf(path: Path = VMLINUX) -> Btf:
    """The BTF in a raw file such as ``/sys/kernel/btf/vmlinux``.

    Raises :class:`ObjectError` where it cannot be read or is no BTF.
    """
    try:
        return Btf(path.read_bytes())
    except OSError as error:
        raise ObjectError(error.strerror or str(error), str(path)) from error
    except ObjectError as error:
        raise ObjectError(error.message, str(path)) from error
