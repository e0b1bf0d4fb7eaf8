# SPDX-License-Identifier: Apache-2.0
"""What prints to the trace pipe: ``bpf_printk``, ``Logger``, ``IO.puts``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.analysis import binding, conditions, convert
from honey.analysis.errors import number_of
from honey.analysis.values import (
    AddressValue,
    AggregateValue,
    AtomValue,
    BoolValue,
    IntValue,
    ListValue,
    MemoryValue,
    NilValue,
    OptionalValue,
    RuntimeAtom,
    StringValue,
    TextValue,
    UnionValue,
    Value,
    describe,
    integer,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import LibraryCall, Table

MOST = 12
"""Values that one line can hold (``bpf_trace_vprintk``); three on kernels before 5.16."""

_PLACE = re.compile(r"%%|%(?P<flags>[-+ #0]*)(?P<width>\d*)(?:hh|h|ll|l|z)?(?P<kind>[A-Za-z]?)")
_NUMBERS = frozenset("diuxXc")
"""Conversions of a format that take an integer."""


def printk(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``bpf_printk(["format", a, b])``, ``bpf_printk("text")``."""
    del name
    value = fl.settled(fl.value(node.args[0]))
    if isinstance(value, ListValue) and value.items and isinstance(value.items[0], StringValue):
        return _formatted(fl, value.items[0].data.decode(errors="replace"), value.items[1:], node.args[0])
    return _text(fl, value, node.args[0].span)


def _log(prefix: str) -> LibraryCall:
    """``Logger.info("pid #{pid}")`` prints ``[INFO] pid 42``; what follows the text (metadata) is left out."""

    def call(fl: Lowering, node: ast.Call, name: str) -> Value:
        del name
        if len(node.args) > 1 and node.keywords is None:
            raise _no_metadata(fl, node)
        return _text(fl, fl.settled(fl.value(node.args[0])), node.args[0].span, prefix)

    return call


def _no_metadata(fl: Lowering, node: ast.Call) -> Exception:
    """``Logger.info("pid %d", pid)``, as it would be for ``bpf_printk``."""
    texts = [fl.report.source.text(arg.span) for arg in node.args]
    help = f'values stand in the text, `"... #{{{texts[1]}}}"`, or go with a format: `bpf_printk([{", ".join(texts)}])`'
    return fl.mistake("HNY0904", "a value behind the text would not be printed", node.args[1].span, help=help)


def _inspect(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``IO.inspect(x, label: "x")`` prints a value, and gives it."""
    value = binding.kept(fl, name, fl.settled(fl.value(node.args[0])), node.span)
    label = node.keywords.get("label") if len(node.args) > 1 and node.keywords is not None else None
    prefix = fl.value(label) if label is not None else None
    before = f"{prefix.data.decode(errors='replace')}: " if isinstance(prefix, StringValue) else ""
    _text(fl, value, node.args[0].span, before.replace("%", "%%"))
    return value


def _formatted(fl: Lowering, text: str, values: tuple[Value, ...], node: ast.Node) -> Value:
    span, spans = node.span, [node.span] * len(values)
    if isinstance(node, ast.ListLit) and node.tail is None:
        spans = [item.span for item in node.items[1:]]
    wanted = text.replace("%%", "").count("%")
    if wanted != len(values):
        raise fl.mistake(
            "HNY0904",
            f"the format has {number_of(wanted, 'place')}, and there {'is' if len(values) == 1 else 'are'}"
            f" {number_of(len(values), 'value')}",
            span,
            help="each `%d` or `%s` is for one of the values behind the format",
        )
    rest, args = iter(zip(values, spans, strict=True)), list[n.Expr]()

    def fill(place: re.Match[str]) -> str:
        found = next(rest, None) if place[0] != "%%" else None
        if found is None:
            return place[0]
        value = fl.settled(found[0])
        value = value if isinstance(value, UnionValue) else fl.required(*found)
        if isinstance(value, TextValue) and place[0] == "%s":
            parts, inside = _parts(fl, value.parts, found[1])
            args.extend(inside)
            return parts
        known, arg = _placed(fl, value, place["kind"], found[1])
        if arg is None:
            width = int(place["width"] or 0)
            return known.ljust(width) if "-" in place["flags"] else known.rjust(width)
        args.append(arg)
        return place[0]

    return _print(fl, _PLACE.sub(fill, text), tuple(args), span)


def _placed(fl: Lowering, value: Value, kind: str, span: Span) -> tuple[str, n.Expr | None]:
    """The argument for a place of a format, or the text that stands there if it is known."""
    if kind in _NUMBERS:
        match value:
            case BoolValue(expr):
                return "", convert.cast(expr, t.S64)
            case AtomValue():
                return "", convert.store(fl, value, t.S64, span, f"for %{kind}", "HNY0904")
            case StringValue() | TextValue():
                raise fl.mistake("HNY0904", f"%{kind} prints an integer, and this is text", span, help="write `%s`")
            case MemoryValue() | AggregateValue() if isinstance(value.type, t.Chars):
                raise fl.mistake("HNY0904", f"%{kind} prints an integer, and this is text", span, help="write `%s`")
            case _:
                pass
    elif kind == "s" and isinstance(value, IntValue):
        raise fl.mistake("HNY0904", "%s prints a text, and this is an integer", span, help="write `%d`")
    elif kind == "p" and isinstance(value, IntValue):
        help = "write `%x`; the four bytes of an IPv4 address are those of `Honey.Net.ntohl(address)`"
        raise fl.mistake("HNY0904", "%p prints what has to do with an address, and this is a number", span, help=help)
    return _value(fl, value, span)


def _text(fl: Lowering, value: Value, span: Span, prefix: str = "") -> Value:
    if isinstance(value, UnionValue) and any(isinstance(each, TextValue) for each in value.alternatives):
        _one_of_lines(fl, value, sorted(fl.scope.alternatives(value)), span, prefix)
        return integer(0)
    text, args = _parts(fl, value.parts if isinstance(value, TextValue) else (value,), span)
    return _print(fl, prefix + text, tuple(args), span)


def _parts(fl: Lowering, parts: tuple[str | Value, ...], span: Span) -> tuple[str, list[n.Expr]]:
    """The format for the parts of a text, and its arguments."""
    text, args = "", list[n.Expr]()
    for part in parts:
        if isinstance(part, str):
            text += part.replace("%", "%%")
            continue
        spec, arg = _value(fl, _known(fl, part, span), span)
        text += spec
        if arg is not None:
            args.append(arg)
    return text, args


def _one_of_lines(fl: Lowering, value: UnionValue, numbers: Sequence[int], span: Span, prefix: str) -> None:
    """Prints the one of several texts that a value is."""
    first, rest = numbers[0], numbers[1:]
    if not rest:
        _text(fl, value.alternatives[first], span, prefix)
        return
    here = conditions.Condition(n.Binary(n.BinaryOp.EQ, value.tag, n.Const(first, t.U64), t.BOOL))
    conditions.branch_on(
        fl,
        here,
        lambda: _one_of_lines(fl, value, (first,), span, prefix),
        lambda: _one_of_lines(fl, value, rest, span, prefix),
        span,
    )


def _known(fl: Lowering, value: Value, span: Span) -> Value:
    value = fl.settled(value)
    return fl.required(value, span) if isinstance(value, OptionalValue) else value


def _print(fl: Lowering, text: str, args: tuple[n.Expr | None, ...], span: Span) -> Value:
    values = tuple(arg for arg in args if arg is not None)
    if len(values) > MOST:
        raise fl.mistake("HNY0904", f"one line holds {MOST} values at most, here are {len(values)}", span)
    fl.run(n.Printk(text, values), span)
    return integer(0)


def _value(fl: Lowering, value: Value, span: Span) -> tuple[str, n.Expr | None]:
    """How a value is printed, and the argument for it."""
    match value:
        case IntValue(expr):
            if value.type.big_endian:
                raise convert.byte_order(fl, value.type, t.U64, span)
            signed = value.type.signed
            return ("%lld" if signed else "%llu"), convert.cast(expr, t.S64 if signed else t.U64)
        case BoolValue(n.Const(known)):
            return ("true" if known else "false"), None
        case BoolValue():
            return "%s", _one_of_texts(fl, value, span)
        case AddressValue(expr):
            return "0x%llx", n.Cast(expr, t.U64)
        case StringValue(data):
            return data.decode(errors="replace").replace("%", "%%"), None
        case AtomValue(name):
            return name, None
        case NilValue():
            return "", None
        case RuntimeAtom() | UnionValue():
            return "%s", _one_of_texts(fl, value, span)
        case MemoryValue(place) if isinstance(place.type, t.Chars):
            return "%s", n.AddressOf(place, t.Ref(place.type, t.Space.STACK, readonly=True))
        case AggregateValue(expr) if isinstance(expr.type, t.Chars):
            local = fl.let("text", expr, span)
            return "%s", n.AddressOf(local.place, t.Ref(expr.type, t.Space.STACK, readonly=True))
        case _:
            text = fl.report.source.text(span).lstrip("[")
            quotes = f'a text stands between double quotes: `"{text.strip("]")[1:-1]}"`'
            help = quotes if text.startswith("'") else "print its fields"
            raise fl.mistake("HNY0904", f"{describe(value)} cannot be printed", span, help=help)


def _one_of_texts(fl: Lowering, value: RuntimeAtom | UnionValue | BoolValue, span: Span) -> n.Expr:
    """The address of the one of several texts or atoms that a value is."""
    from honey.library.text import of_atoms, of_truth

    one_of = of_atoms(fl, value) if isinstance(value, RuntimeAtom) else value
    one_of = of_truth(one_of) if isinstance(one_of, BoolValue) else one_of
    texts = [each for each in one_of.alternatives if isinstance(each, StringValue)]
    if len(texts) < len(one_of.alternatives):
        raise fl.mistake(
            "HNY0904", f"{describe(value)} cannot be printed", span, help="tell the kinds apart with `case` first"
        )
    type_ = t.Chars(max(len(each.data) for each in texts) + 1)
    expr = convert.store(fl, one_of, type_, span)
    kept = expr if isinstance(expr, n.Read) else fl.let("text", expr, span)
    return n.AddressOf(kept.place, t.Ref(type_, t.Space.STACK, readonly=True))


_LEVELS = {
    **{level: level.upper() for level in ("debug", "info", "notice", "error", "critical", "alert", "emergency")},
    "warn": "WARN",
    "warning": "WARN",
}

TABLES: dict[str, Table] = {
    "Logger": {(level, arity): _log(f"[{shown}] ") for level, shown in _LEVELS.items() for arity in (1, 2)},
    "IO": {("puts", 1): _log(""), ("inspect", 1): _inspect, ("inspect", 2): _inspect},
}
