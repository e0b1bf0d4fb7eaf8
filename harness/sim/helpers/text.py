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
    rb"%(?P<flags>[-+ #0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?"
    rb"(?:(?P<pointer>p[a-zA-Z]?[46]?)|(?P<size>ll|l|hh|h|z)?(?P<kind>[diuxXsc])|(?P<percent>%))"
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


def _number(value: int, size: bytes | None, kind: bytes) -> str:
    bits = {b"ll": 64, b"l": 64, b"z": 64, b"h": 16, b"hh": 8}.get(size or b"", 32)
    value &= (1 << bits) - 1
    if kind in b"di":
        return str(value - ((value >> bits - 1) << bits))
    return f"{value:x}" if kind == b"x" else f"{value:X}" if kind == b"X" else str(value)


def _pointer(rt: Runtime, kind: bytes, value: int) -> str:
    """``%p`` and its relatives; addresses are printed as they are (the kernel hashes plain ``%p``)."""
    if kind in (b"pI4", b"pi4"):
        return ".".join(str(part) for part in rt.memory.read(value, 4))
    if kind in (b"pI6", b"pi6"):
        raw = rt.memory.read(value, 16).hex()
        return ":".join(raw[at : at + 4] for at in range(0, 32, 4)) if kind == b"pI6" else raw
    return f"{value:#x}" if kind == b"px" else f"{value:016x}"


def render(rt: Runtime, template: bytes, values: Iterator[int]) -> str:
    """The text of a format and its arguments. Raises :class:`_FormatError` as the kernel refuses."""

    def replace(match: re.Match[bytes]) -> bytes:
        if match["percent"]:
            return b"%"
        value = next(values, None)
        if value is None:
            raise _FormatError
        if match["pointer"] in (b"pks", b"pus"):
            text = _string(rt, value, user=match["pointer"] == b"pus").decode("utf-8", "replace")
        elif match["pointer"]:
            text = _pointer(rt, match["pointer"], value)
        elif match["kind"] == b"s":
            text = _string(rt, value, user=value < USER_END).decode("utf-8", "replace")
        elif match["kind"] == b"c":
            text = chr(value & 0xFF)
        else:
            text = _number(value, match["size"], match["kind"])
            if b"#" in match["flags"] and match["kind"] in b"xX":
                text = f"0{match['kind'].decode()}{text}"
        width = int(match["width"] or 0)
        if b"-" in match["flags"]:
            return text.ljust(width).encode()
        if b"0" in match["flags"]:
            sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
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
    rt.trace.append(line)
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


def _parse(rt: Runtime, source: int, size: int, flags: int, signed: bool) -> tuple[int, int] | int:
    text = rt.memory.read(source, size & M32).split(b"\0")[0]
    base = flags & 0x1F
    if base not in (0, 8, 10, 16) or flags & ~0x1F:
        return negative(EINVAL)
    digits = {0: rb"(0[xX](?P<hex>[0-9a-fA-F]+)|(?P<dec>\d+))", 8: rb"(?P<oct>[0-7]+)", 10: rb"(?P<dec>\d+)"}
    digits[16] = rb"(0[xX])?(?P<hex>[0-9a-fA-F]+)"
    match = re.match(rb"\s*(?P<minus>-?)" + digits[base], text)
    if match is None or (match["minus"] and not signed):
        return negative(EINVAL)
    found = match.groupdict()
    if found.get("hex"):
        value = int(found["hex"], 16)
    elif found.get("oct"):
        value = int(found["oct"], 8)
    else:
        octal = base == 0 and len(found["dec"]) > 1 and found["dec"].startswith(b"0")
        value = int(found["dec"], 8 if octal else 10)
    value = -value if match["minus"] else value
    if not (-(1 << 63) <= value < 1 << 63 if signed else value <= M64):
        return negative(ERANGE)
    return value & M64, match.end()


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
    """As in C."""
    size &= M32
    a = rt.memory.read(left, size)
    own = rt.memory.regions.get(right >> 32, bytearray())
    b = bytes(own[right & M32 : (right & M32) + size])
    for x, y in zip(a, b.ljust(size, b"\0"), strict=True):
        if x != y:
            return (x - y) & M64
        if not x:
            break
    return 0
