# SPDX-License-Identifier: Apache-2.0
"""Helpers that print and parse (kernel ``bpf_bprintf_prepare``, ``lib/vsprintf.c``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from harness.sim.helper_table import Table, negative
from harness.sim.helpers.reads import probe_read_kernel_str, probe_read_user_str
from harness.sim.memory import M32, M64, USER_END

if TYPE_CHECKING:
    from harness.sim.runtime import Runtime

TABLE: Final = Table()
EINVAL: Final = 22
ERANGE: Final = 34
#: The longest line of ``bpf_trace_printk`` (``BPF_TRACE_PRINTK_SIZE``), and what a ``%s`` reads at most.
LINE: Final = 1024
STRING: Final = 512
_FORMAT: Final = re.compile(
    rb"%(?P<flags>[-+ 0]*)(?P<width>[1-9]\d*)?"
    rb"(?:p(?P<pointer>[kux]s|[iI][46]|[KxsSB]?)|(?P<size>ll|l)?(?P<kind>[diuxX])|(?P<text>[sc])|(?P<percent>%))"
)


class _FormatError(Exception):
    """The kernel refuses the format."""


def _string(rt: Runtime, address: int, *, user: bool) -> bytes:
    """The string at an address, as the kernel reads it for ``%s``; "" where it cannot be read."""
    place = rt.memory.allocate(bytearray(STRING))
    rt.memory.retire(place)
    read = probe_read_user_str if user else probe_read_kernel_str
    length = read(rt, place, STRING, address)
    return rt.memory.read(place, length - 1) if 0 < length <= STRING else b""


def _number(match: re.Match[bytes], value: int) -> str:
    kind, flags = match["kind"], match["flags"]
    bits = 64 if match["size"] else 32
    value &= (1 << bits) - 1
    if kind in b"di":
        value -= (value >> bits - 1) << bits
        plus = "+" if b"+" in flags else " " if b" " in flags else ""
        return f"{plus if value >= 0 else ''}{value}"
    return f"{value:x}" if kind == b"x" else f"{value:X}" if kind == b"X" else str(value)


def _pointer(rt: Runtime, kind: bytes, value: int) -> str:
    """``%p`` and its relatives; addresses are printed as they are (the kernel hashes plain ``%p``)."""
    if kind in (b"I4", b"i4"):
        return ".".join(str(part) for part in rt.memory.read(value, 4))
    if kind in (b"I6", b"i6"):
        raw = rt.memory.read(value, 16).hex()
        return ":".join(raw[at : at + 4] for at in range(0, 32, 4)) if kind == b"I6" else raw
    if kind in (b"ks", b"us"):
        return _string(rt, value, user=kind == b"us").decode("utf-8", "replace")
    return f"{value:x}" if kind == b"x" else f"{value:016x}"


def _value(rt: Runtime, match: re.Match[bytes], value: int) -> str:
    if match["pointer"] is not None:
        return _pointer(rt, match["pointer"], value)
    if match["text"] == b"s":
        return _string(rt, value, user=value < USER_END).decode("utf-8", "replace")
    return chr(value & 0xFF) if match["text"] else _number(match, value)


def render(rt: Runtime, template: bytes, values: Iterator[int]) -> str:
    """The text of a format and its arguments. Raises :class:`_FormatError` as the kernel refuses."""

    def replace(match: re.Match[bytes]) -> bytes:
        if match["percent"]:
            return b"%"
        value = next(values, None)
        if value is None:
            raise _FormatError
        text = _value(rt, match, value)
        width = int(match["width"] or 0)
        if b"-" in match["flags"]:
            return text.ljust(width).encode()
        if b"0" in match["flags"]:
            sign, digits = (text[0], text[1:]) if text[:1] in ("-", "+", " ") else ("", text)
            return (sign + digits.rjust(width - len(sign), "0")).encode()
        return text.rjust(width).encode()

    if b"%" in _FORMAT.sub(b"", template):
        raise _FormatError
    return _FORMAT.sub(replace, template).decode("utf-8", "replace")


def _template(rt: Runtime, address: int, size: int) -> bytes:
    return rt.memory.read(address, size & M32).split(b"\0")[0]


def _words(rt: Runtime, address: int, size: int) -> Iterator[int]:
    raw = rt.memory.read(address, size & M32) if size else b""
    return iter([int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)])


def _print(rt: Runtime, template: bytes, values: Iterator[int]) -> int:
    try:
        line = render(rt, template, values)[: LINE - 1]
    except _FormatError:
        return negative(EINVAL)
    rt.print(line)
    return len(line.encode())


@TABLE.add()
def trace_printk(rt: Runtime, template: int, size: int, first: int, second: int, third: int) -> int:
    """A line with up to three values."""
    return _print(rt, _template(rt, template, size), iter((first, second, third)))


@TABLE.add()
def trace_vprintk(rt: Runtime, template: int, size: int, data: int, length: int) -> int:
    """A line with any number of values."""
    return _print(rt, _template(rt, template, size), _words(rt, data, length))


@TABLE.add(writes=(1, 2))
def snprintf(rt: Runtime, to: int, size: int, template: int, data: int, length: int) -> int:
    """Format into memory; the length it would have had with its final zero."""
    start = rt.memory.regions.get(template >> 32, bytearray())
    text = bytes(start[template & M32 :]).split(b"\0")[0]
    try:
        made = render(rt, text, _words(rt, data, length)).encode()
    except _FormatError:
        return negative(EINVAL)
    size &= M32
    if size:
        rt.memory.write(to, made[: size - 1] + b"\0")
    return len(made) + 1


_DIGITS: Final = {8: rb"[0-7]+", 10: rb"[0-9]+", 16: rb"[0-9a-fA-F]+"}


def _parse(rt: Runtime, source: int, size: int, flags: int, *, signed: bool) -> tuple[int, int] | int:
    """A number at the start of a text and how long it is (``__bpf_strtoull``), or the negative errno."""
    text = rt.memory.read(source, size & M32).split(b"\0")[0]
    base = flags & 0x1F
    if base not in (0, 8, 10, 16) or flags & ~0x1F or not size & M32:
        return negative(EINVAL)
    at = len(text) - len(text.lstrip())
    minus = signed and text[at : at + 1] == b"-"
    at += minus
    # As ``_parse_integer_fixup_radix``: 0x before a hexadecimal digit means 16, another 0 means 8.
    hexadecimal = re.match(rb"0[xX][0-9a-fA-F]", text[at:]) is not None
    if base == 0:
        base = 16 if hexadecimal else 8 if text[at : at + 1] == b"0" else 10
    if base == 16 and hexadecimal:
        at += 2
    digits = re.match(_DIGITS[base], text[at:])
    if digits is None:
        return negative(EINVAL)
    value = int(digits[0], base)
    value = -value if minus else value
    if not (-(1 << 63) <= value < 1 << 63 if signed else value <= M64):
        return negative(ERANGE)
    return value & M64, at + digits.end()


def _store_parsed(rt: Runtime, result: tuple[int, int] | int, to: int) -> int:
    if isinstance(result, int):
        return result
    rt.memory.write(to, result[0].to_bytes(8, "little"))
    return result[1]


@TABLE.add(writes=(4, 4))
def strtol(rt: Runtime, source: int, size: int, flags: int, to: int) -> int:
    """A signed number from text; the number of characters it took."""
    return _store_parsed(rt, _parse(rt, source, size, flags, signed=True), to)


@TABLE.add(writes=(4, 4))
def strtoul(rt: Runtime, source: int, size: int, flags: int, to: int) -> int:
    """An unsigned number from text; the number of characters it took."""
    return _store_parsed(rt, _parse(rt, source, size, flags, signed=False), to)


@TABLE.add()
def strncmp(rt: Runtime, left: int, size: int, right: int) -> int:
    """-1, 0 or 1."""
    size &= M32
    a = rt.memory.read(left, size)
    own = rt.memory.regions.get(right >> 32, bytearray())
    b = bytes(own[right & M32 : (right & M32) + size])
    for x, y in zip(a, b.ljust(size, b"\0"), strict=True):
        if x != y:
            return 1 if x > y else M64
        if not x:
            break
    return 0
