# SPDX-License-Identifier: Apache-2.0
"""Bytes as Python values and back, by type.

Integers are ints; big-endian ones appear as the number they stand for (port 53 is 53). Truth values are bools, strings
are `str` up to the zero byte, arrays of bytes are `bytes`, other arrays tuples, structs `Fields`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from honey.ir import arithmetic
from honey.ir import types as t
from honey.ir.symbols import Symbols


class Fields(Mapping[str, Any]):
    """The fields of a struct (padding left out): attributes, items, equal to a dict of the same fields; hashable."""

    __slots__ = ("_name", "_values")

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self._name = name
        self._values = dict(values)

    def __getitem__(self, field: str) -> Any:
        return self._values[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, field: str) -> Any:
        try:
            return self._values[field]
        except KeyError:
            raise AttributeError(f"{self._name} has no field {field}; it has {', '.join(self._values)}") from None

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._values == dict(other)

    def __repr__(self) -> str:
        return f"{self._name}({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"


def decode(data: bytes, type_: t.Type, symbols: Symbols) -> Any:
    """The value that ``data`` holds."""
    match type_:
        case t.Int(bits, _, True):
            return arithmetic.swap(arithmetic.decode(data, type_), bits)
        case t.Bool():
            return any(data)
        case t.Int() | t.Address():
            return arithmetic.decode(data, type_)
        case t.Chars():
            return data.split(b"\0")[0].decode(errors="surrogateescape")
        case t.Array(t.Int(bits=8), _):
            return bytes(data)
        case t.Array(element, length):
            size = element.size
            return tuple(decode(data[at * size : (at + 1) * size], element, symbols) for at in range(length))
        case t.Struct(name):
            fields = [field for field in symbols.structs[name].fields if not field.padding]
            values = {f.name: decode(data[f.offset : f.offset + f.type.size], f.type, symbols) for f in fields}
            return Fields(name, values)
        case _:
            raise TypeError(f"{type_} is not kept in memory")


def encode(value: Any, type_: t.Type, symbols: Symbols) -> bytes:
    """``value`` in memory; a struct is a mapping (fields left out are 0) or `Fields`.

    Raises `ValueError` for what does not fit, `TypeError` for the wrong kind of value.
    """
    match type_:
        case t.Int() | t.Bool() | t.Address():
            return _encode_number(value, type_)
        case t.Chars(length):
            data = value.encode(errors="surrogateescape") if isinstance(value, str) else bytes(value)
            return _filled(data, length)
        case t.Array(t.Int(bits=8), length) if isinstance(value, (bytes, bytearray)):
            return _filled(bytes(value), length)
        case t.Array(element, length):
            return _filled(b"".join(encode(item, element, symbols) for item in value), length * element.size)
        case t.Struct(name, size):
            return _encode_struct(value, name, size, symbols)
        case _:
            raise TypeError(f"{type_} is not kept in memory")


def _encode_number(value: Any, type_: t.Int | t.Bool | t.Address) -> bytes:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a number")
    if not -(1 << (type_.size * 8 - 1)) <= value < 1 << (type_.size * 8):
        raise ValueError(f"{value} does not fit {type_.size} bytes")
    if isinstance(type_, t.Int) and type_.big_endian:
        value = arithmetic.swap(value, type_.bits)
    return arithmetic.encode(value, type_)


def _filled(data: bytes, size: int) -> bytes:
    if len(data) > size:
        raise ValueError(f"{len(data)} bytes do not fit {size}")
    return data.ljust(size, b"\0")


def _encode_struct(value: Any, name: str, size: int, symbols: Symbols) -> bytes:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not a mapping of the fields of {name}")
    definition = symbols.structs[name]
    out = bytearray(size)
    for field_name, field_value in value.items():
        field = definition.field(field_name)
        if field is None:
            known = ", ".join(one.name for one in definition.fields if not one.padding)
            raise ValueError(f"{name} has no field {field_name}; it has {known}")
        out[field.offset : field.offset + field.type.size] = encode(field_value, field.type, symbols)
    return bytes(out)
