# SPDX-License-Identifier: Apache-2.0
"""Map keys and values as plain Python values, through their BTF types.

=====================  =====================================================================
type                   value
=====================  =====================================================================
integer, enum, bool    ``int``
pointer                ``int``
``float``, ``double``  ``float``
struct, union          ``dict`` by field name; fields of anonymous members are the outer's own
array                  ``list``
``char`` array         ``str`` where it is UTF-8 text followed by zeros only, else ``bytes``
=====================  =====================================================================

Fields that are nothing but padding (``__pad``, ``_pad1``, ``padding``, ...) are left out of the values; like the holes
between fields they are listed by :func:`padding` and must be zero.

A decoder is compiled once per type: one :class:`struct.Struct` takes an entry apart, and one generated function puts
the numbers in their places, so that a million entries take a fraction of a second.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from harness.objects import types as t
from harness.objects.btf import Btf
from harness.objects.errors import ObjectError
from harness.objects.layout import Field, fields, padding

__all__ = ["Decoder", "padding", "text_or_bytes"]

_INT_CODES: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
_FLOAT_CODES: Final = {2: "e", 4: "f", 8: "d"}
#: Longer arrays of numbers are unpacked by a nested Struct instead of one variable an element.
_INLINE_ARRAY: Final = 16


def text_or_bytes(raw: bytes) -> str | bytes:
    """``raw`` as text if it is UTF-8 up to its first zero and zero after that, else as it is."""
    text, _, rest = raw.partition(b"\0")
    if rest.strip(b"\0"):
        return raw
    try:
        return text.decode()
    except UnicodeDecodeError:
        return raw


class Decoder:
    """Bytes of one BTF type to values and back.

    ``size`` is the type's size in bytes. Raises :class:`ObjectError` at construction for a type that has no values
    (functions, forward declarations).
    """

    def __init__(self, btf: Btf, type_id: int) -> None:
        self.btf = btf
        self.type_id = type_id
        self.size = btf.size(type_id)

    @cached_property
    def _compiled(self) -> tuple[struct.Struct, Callable[[Any], list[Any]]]:
        """How an entry is taken apart, and the function that makes values of the parts of many; made when needed."""
        plan = _Plan(self.btf)
        expression = plan.value(self.type_id, 0)
        plan.skip_to(self.size)
        names = "".join(f"{name}, " for name in plan.names)
        source = f"def decode_all(rows):\n    return [{expression} for {names or '_'} in rows]\n"
        namespace: dict[str, Any] = dict(plan.helpers)
        exec(compile(source, f"<decoder of {self.btf.describe(self.type_id)}>", "exec"), namespace)
        return struct.Struct("<" + "".join(plan.codes)), namespace["decode_all"]

    def decode(self, raw: bytes) -> Any:
        """The value in ``raw``, whose length must be ``size`` (trailing bytes are ignored)."""
        if len(raw) < self.size:
            raise ObjectError(f"{self.btf.describe(self.type_id)} has {self.size} bytes, not {len(raw)}")
        layout, decode_all = self._compiled
        return decode_all((layout.unpack_from(raw),))[0]

    def decode_many(self, raw: bytes, *, stride: int = 0, offset: int = 0) -> list[Any]:
        """The values that lie in ``raw`` one after the other, from ``offset``, ``stride`` bytes apart."""
        stride = stride or self.size
        layout, decode_all = self._compiled
        if stride == self.size and not offset and len(raw) % stride == 0 and stride:
            return decode_all(layout.iter_unpack(raw))
        rows = struct.Struct(f"<{offset}x{layout.format[1:]}{stride - offset - self.size}x")
        return decode_all(rows.iter_unpack(raw))

    def encode(self, value: Any) -> bytes:
        """The bytes of ``value``; padding and fields that are not given are zero."""
        raw = bytearray(self.size)
        _encode(self.btf, self.type_id, value, raw, 0)
        return bytes(raw)


class _Plan:
    """Builds the struct format, the names of what it unpacks, and the expression over them."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf
        self.codes: list[str] = []
        self.names: list[str] = []
        self.helpers: dict[str, Any] = {"text": text_or_bytes, "int_from": int.from_bytes}
        self.at = 0

    def skip_to(self, offset: int) -> None:
        """Leave out the bytes up to ``offset``."""
        if offset > self.at:
            self.codes.append(f"{offset - self.at}x")
            self.at = offset

    def take(self, offset: int, size: int, code: str) -> str:
        """Unpack ``size`` bytes at ``offset`` with ``code``; gives the name of the result."""
        self.skip_to(offset)
        self.codes.append(code)
        self.at += size
        self.names.append(f"v{len(self.names)}")
        return self.names[-1]

    def help(self, function: Any) -> str:
        """Make ``function`` known to the expression; gives its name there."""
        name = f"h{len(self.helpers)}"
        self.helpers[name] = function
        return name

    def value(self, type_id: int, offset: int) -> str:
        """The expression for the value of ``type_id`` at byte ``offset``."""
        kind = self.btf.resolved(type_id)
        size = self.btf.size(type_id)
        if isinstance(kind, (t.Int, t.Enum)):
            if size in _INT_CODES:
                code = _INT_CODES[size]
                return self.take(offset, size, code if kind.signed else code.upper())
            return f"int_from({self.take(offset, size, f'{size}s')}, 'little', signed={kind.signed})"
        if isinstance(kind, t.Pointer):
            return self.take(offset, size, "Q")
        if isinstance(kind, t.Float) and size in _FLOAT_CODES:
            return self.take(offset, size, _FLOAT_CODES[size])
        if isinstance(kind, t.Array):
            return self._array(kind, offset, size)
        if isinstance(kind, t.Composite):
            return self._composite(kind, offset)
        if isinstance(kind, t.DataSection):
            return self._section(kind, offset)
        if isinstance(kind, t.Variable):
            return self.value(kind.type, offset)
        return self.take(offset, size, f"{size}s")

    def _array(self, kind: t.Array, offset: int, size: int) -> str:
        element = self.btf.resolved(kind.element)
        if isinstance(element, t.Int) and element.char:
            return f"text({self.take(offset, size, f'{size}s')})"
        if kind.length > _INLINE_ARRAY:
            nested = Decoder(self.btf, kind.element)
            return f"{self.help(nested.decode_many)}({self.take(offset, size, f'{size}s')})"
        each = size // kind.length if kind.length else 0
        return "[" + ", ".join(self.value(kind.element, offset + i * each) for i in range(kind.length)) + "]"

    def _composite(self, kind: t.Composite, offset: int) -> str:
        members = fields(self.btf, kind)
        if kind.union or _overlap(members):
            # Members share bytes: each is decoded from a copy of them all.
            whole = self.take(offset, kind.size, f"{kind.size}s")
            parts = [f"{field.name!r}: {self._from_copy(whole, field)}" for field in members]
            return "{" + ", ".join(parts) + "}"
        return "{" + ", ".join(f"{f.name!r}: {self.value(f.type, offset + f.offset)}" for f in members) + "}"

    def _from_copy(self, whole: str, field: Field) -> str:
        if field.bit_size:
            signed = isinstance(kind := self.btf.resolved(field.type), (t.Int, t.Enum)) and kind.signed
            return f"{self.help(_bit_field(field.bit_offset, field.bit_size, signed))}({whole})"
        nested = Decoder(self.btf, field.type)
        return f"{self.help(nested.decode)}({whole}[{field.offset}:{field.offset + nested.size}])"

    def _section(self, kind: t.DataSection, offset: int) -> str:
        placed = sorted((at, variable) for variable, at, _ in kind.variables)
        parts = [f"{self.btf.name(v)!r}: {self.value(v, offset + at)}" for at, v in placed]
        return "{" + ", ".join(parts) + "}"


def _overlap(members: list[Field]) -> bool:
    """Whether members share bytes or are not in order, so that one pass cannot unpack them."""
    end = 0
    for field in members:
        if field.bit_size or field.offset < end:
            return True
        end = field.offset + field.size
    return False


def _bit_field(bit_offset: int, bit_size: int, signed: bool) -> Callable[[bytes], int]:
    mask, sign = (1 << bit_size) - 1, 1 << bit_size - 1

    def extract(raw: bytes) -> int:
        value = int.from_bytes(raw, "little") >> bit_offset & mask
        return (value ^ sign) - sign if signed else value

    return extract


def _encode(btf: Btf, type_id: int, value: Any, raw: bytearray, at: int) -> None:
    kind, size = btf.resolved(type_id), btf.size(type_id)
    if isinstance(kind, t.Composite):
        known = {field.name: field for field in fields(btf, kind)}
        for name, part in value.items():
            if name not in known:
                raise ObjectError(f"{btf.describe(type_id)} has no field {name}")
            field = known[name]
            if field.bit_size:
                mask = (1 << field.bit_size) - 1
                whole = int.from_bytes(raw[at : at + kind.size], "little") & ~(mask << field.bit_offset)
                whole |= (part & mask) << field.bit_offset
                raw[at : at + kind.size] = whole.to_bytes(kind.size, "little")
            else:
                _encode(btf, field.type, part, raw, at + field.offset)
    elif isinstance(value, (str, bytes)):
        content = value.encode() if isinstance(value, str) else value
        if len(content) > size:
            raise ObjectError(f"{content!r} does not fit into {btf.describe(type_id)}")
        raw[at : at + len(content)] = content
    elif isinstance(kind, t.Array):
        each = btf.size(kind.element)
        if len(value) > kind.length:
            raise ObjectError(f"{len(value)} elements do not fit into {btf.describe(type_id)}")
        for index, part in enumerate(value):
            _encode(btf, kind.element, part, raw, at + index * each)
    elif isinstance(kind, t.Float):
        struct.pack_into("<" + _FLOAT_CODES[size], raw, at, value)
    else:
        raw[at : at + size] = (int(value) & (1 << 8 * size) - 1).to_bytes(size, "little")
