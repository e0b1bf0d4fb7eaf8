# SPDX-License-Identifier: Apache-2.0
"""Constants as C: numbers, the names that stand for them, bytes and strings."""

from __future__ import annotations

from honey.emit.features import Features
from honey.emit.fragment import Binding, Fragment
from honey.emit.spelling import Spelling
from honey.ir import nodes as n
from honey.ir import types as t

_TURNS = {2: "bpf_htons", 4: "bpf_htonl"}
"""What puts a number of so many bytes into network order."""


def constant(const: n.Const, features: Features) -> Fragment:
    """A constant of the IR, by its name if it has one."""
    match const.type:
        case t.Ref() | t.Address():
            return Fragment(features.null(), Binding.POSTFIX, const.type)
        case t.Bool():
            features.boolean()
            return Fragment("true" if const.value else "false", Binding.POSTFIX, t.BOOL)
        case t.Int(big_endian=True) as type_ if const.value and type_.size in _TURNS:
            return _in_network_order(const, type_, features)
    fragment = integer(const.value, const.type)
    if not const.name:
        return fragment
    return Fragment(features.constant(const.name, const.value), Binding.POSTFIX, fragment.type, literal=True)


def _in_network_order(const: n.Const, type_: t.Int, features: Features) -> Fragment:
    """``bpf_htons(80)``: what it is in host order can be read, and clang turns it. A name is that of the latter."""
    turned = int.from_bytes(const.value.to_bytes(type_.size, "little"), "big")
    text = features.constant(const.name, turned) if const.name else str(turned)
    features.headers.add("bpf/bpf_endian.h")
    return Fragment(f"{_TURNS[type_.size]}({text})", Binding.POSTFIX, t.Int(type_.bits))


def bytes_value(data: bytes, type_: t.Type, spelling: Spelling) -> Fragment:
    """Bytes where an expression stands: a string, or an array without a name."""
    if isinstance(type_, t.Array):
        return Fragment(f"({spelling.name(type_)}){braced(data)}", Binding.POSTFIX, type_)
    return Fragment(c_string(data.rstrip(b"\0")), Binding.POSTFIX, type_)


def braced(data: bytes) -> str:
    """Bytes as the initialiser of an array."""
    return f"{{ {', '.join(map(str, data))} }}" if data else "{}"


def c_string(data: bytes) -> str:
    """A C string literal."""
    out = []
    for byte in data:
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        else:
            out.append(char if 32 <= byte < 127 else f"\\{byte:03o}")
    return f'"{"".join(out)}"'


def integer(value: int, type_: t.Type) -> Fragment:
    """An integer literal; the suffix says what C would not find out."""
    if -(1 << 31) < value < (1 << 31):
        return Fragment(str(value), Binding.UNARY if value < 0 else Binding.POSTFIX, t.S32, literal=True)
    signed = isinstance(type_, t.Int) and type_.signed
    if 0 <= value < (1 << 32) and isinstance(type_, t.Int) and type_.bits <= 32:
        return Fragment(f"{_digits(value)}U", Binding.POSTFIX, t.U32, literal=True)
    if value == -(1 << 63):
        return Fragment("(-9223372036854775807LL - 1)", Binding.POSTFIX, t.S64, literal=True)
    wide = t.S64 if signed else t.U64
    text = f"{_digits(value)}{'LL' if signed else 'ULL'}"
    return Fragment(text, Binding.UNARY if value < 0 else Binding.POSTFIX, wide, literal=True)


def _digits(value: int) -> str:
    """Decimal, but hexadecimal for masks: large numbers that are mostly zeros or ones in binary."""
    text = f"{abs(value):x}"
    round_hex = len(text.rstrip("0").rstrip("f")) <= 2
    return f"{'-' if value < 0 else ''}{f'0x{text}' if round_hex and value > 0 else abs(value)}"
