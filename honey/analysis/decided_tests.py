# SPDX-License-Identifier: Apache-2.0
"""Warnings of tests whose outcome is always the same: of an integer's truth, of a text beside a number, of nil."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from honey.analysis.errors import shown
from honey.analysis.values import AddressValue, AggregateValue, IntValue, MemoryValue, Value, describe
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering

_NOT_BEFORE = re.compile(rb"\bnot\Z")


def warn_integer(fl: Lowering, span: Span) -> None:
    """An integer where a truth value is asked for."""
    text = shown(fl.report, span, "x")
    before = fl.report.source.data[: span.start].rstrip()
    negated = before.endswith(b"!") or _NOT_BEFORE.search(before) is not None
    help = f"leave the negation out and compare it: `{text} == 0`" if negated else f"compare it: `{text} != 0`"
    fl.report.warn("HNY0207", "an integer is always true in Elixir, 0 as well", span, help=help)


def warn_never_text(fl: Lowering, value: Value, side: ast.Str | ast.Charlist, span: Span) -> None:
    """A text beside a number or an address; in a function, other callers may hand it something else."""
    if fl.section is None:
        return
    value = fl.settled(value)
    if isinstance(side, ast.Charlist) and isinstance(value, IntValue) and len(side.parts) == 1:
        only = side.parts[0]
        help = f"a character's number is written `?{only}`" if isinstance(only, str) and len(only) == 1 else None
        fl.report.warn("HNY0215", f"{describe(value)} never equals a text", span, help=help)
        return
    if isinstance(side, ast.Charlist) and isinstance(value, MemoryValue | AggregateValue):
        text = fl.report.source.text(side.span)[1:-1]
        what = f"{describe(value)} never equals a list of characters"
        fl.report.warn("HNY0215", what, span, help=f'a text stands between double quotes: `"{text}"`')
    elif isinstance(value, AddressValue):
        space = "user" if value.type.space is t.Space.USER else "kernel"
        read = f"read what lies there first: `probe_read_{space}_str(address, 64)`"
        fl.report.warn("HNY0215", f"{describe(value)} never equals a text", span, help=read)
    elif isinstance(value, IntValue):
        help = f"an IPv4 address is a number: `{_address(side)}`" if value.type == t.BE32 else None
        fl.report.warn("HNY0215", f"{describe(value)} never equals a text", span, help=help)


def _address(side: ast.Str | ast.Charlist) -> str:
    """The IPv4 address in a text as the source writes it."""
    parts = side.parts[0].split(".") if side.parts and isinstance(side.parts[0], str) else []
    known = len(parts) == 4 and all(part.isdecimal() and int(part) < 256 for part in parts)
    number = "".join(f"{int(part):02X}" for part in parts) if known else "0A000001"
    return f"Honey.Net.htonl(0x{number})"


def warn_never_nil(fl: Lowering, value: IntValue, span: Span) -> None:
    """A number that is compared with nil; in a function the same test may make sense for other callers."""
    if not value.literal and fl.section is not None:
        fl.report.warn("HNY0302", f"{describe(value)} is never nil", span, help="compare it with 0: `x == 0`")
