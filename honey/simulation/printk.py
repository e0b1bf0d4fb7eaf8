# SPDX-License-Identifier: Apache-2.0
"""``bpf_printk``'s formats (kernel/trace/bpf_trace.c, lib/vsprintf.c)."""

from __future__ import annotations

import re

_SPEC = re.compile(r"%(?P<flags>[-+ #0]*)(?P<width>\d*)(?P<length>hh|h|ll|l|z)?(?P<kind>[diuxXcps%])")
_BITS = {"hh": 8, "h": 16, "l": 64, "ll": 64, "z": 64, None: 32}


def format_line(text: str, args: list[int | bytes]) -> str:
    """``text`` with its conversions filled in; strings are given as bytes up to their zero byte."""
    rest = iter(args)

    def fill(match: re.Match[str]) -> str:
        kind = match["kind"]
        if kind == "%":
            return "%"
        value = next(rest, 0)
        if isinstance(value, bytes):
            shown = value.split(b"\0")[0].decode(errors="replace")
            return f"{shown:{_align(match)}{match['width']}}"
        return _number(value, kind, match)

    return _SPEC.sub(fill, text)


def _align(match: re.Match[str]) -> str:
    return "<" if "-" in match["flags"] else ">"


def _number(value: int, kind: str, match: re.Match[str]) -> str:
    bits = _BITS[match["length"]]
    value &= (1 << bits) - 1
    if kind in "di" and value >> (bits - 1):
        value -= 1 << bits
    if kind == "c":
        return chr(value & 0xFF)
    if kind == "p":
        return f"{value:016x}"
    flags = match["flags"]
    spec = ("<" if "-" in flags else "") + ("+" if "+" in flags else " " if " " in flags else "")
    spec += ("#" if "#" in flags else "") + ("0" if "0" in flags and "-" not in flags else "") + match["width"]
    return format(value, spec + {"i": "d", "u": "d"}.get(kind, kind))
