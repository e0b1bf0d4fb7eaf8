# SPDX-License-Identifier: Apache-2.0
"""Expressions become C with the casts and parentheses that are needed, and no others."""

from __future__ import annotations

import pytest
from irbuild import Fn, add, binary, cast, eq, negate, num, program, read

from honey.emit import emit_c
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import verify

Op = n.BinaryOp


def _local(name: str, type_: t.Type) -> n.Read:
    order = ["a", "b", "c", "d", "p", "h", "s", "v"]
    return read(n.LocalPlace(n.Local(order.index(name), name, type_)))


A, B = _local("a", t.U64), _local("b", t.U64)
C, D = _local("c", t.U32), _local("d", t.U8)
P, H = _local("p", t.Address(t.Space.USER)), _local("h", t.BE16)
S, V = _local("s", t.S64), _local("v", t.BOOL)


def emitted(expr: n.Expr) -> str:
    """The C of ``return expr`` in a function of suitable locals."""
    reads = (A, B, C, D, P, H, S, V)
    types = {one.place.local.name: one.type for one in reads if isinstance(one.place, n.LocalPlace)}
    f = Fn("f", *types.items(), result=expr.type)
    f.inline = n.Inline.ALWAYS
    f.ret(expr)
    handler = Fn("handler", section="tracepoint/syscalls/sys_enter_kill")
    zeros = tuple(num(0, type_) for type_ in types.values())
    handler.do(n.Call("f", zeros, expr.type))
    handler.ret()
    whole = program(f.done(), handler.done())
    verify(whole)
    text = emit_c(whole).text.partition('"example.ex"')[2]
    line = next(line.strip() for line in text.splitlines() if "return " in line)
    return line.removeprefix("return ").removesuffix(";")


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (add(add(A, B), 1), "a + b + 1"),
        (add(A, add(B, 1)), "a + (b + 1)"),
        (binary(Op.SUB, A, binary(Op.SUB, B, A)), "a - (b - a)"),
        (binary(Op.MUL, add(A, B), 2), "(a + b) * 2"),
        (binary(Op.ADD, binary(Op.MUL, A, B), 2), "a * b + 2"),
        (binary(Op.SHL, add(A, 1), num(3, t.U32)), "(a + 1) << 3"),
        (binary(Op.OR, binary(Op.AND, A, B), 2), "(a & b) | 2"),
        (binary(Op.AND, binary(Op.AND, A, B), 0xFFFF0000), "a & b & 0xffff0000ULL"),
    ],
)
def test_parentheses(expr: n.Expr, text: str) -> None:
    assert emitted(expr) == text


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (add(A, cast(C, t.U64)), "a + c"),
        (add(cast(C, t.U64), cast(C, t.U64)), "(__u64)c + c"),
        (add(cast(C, t.U64), 1), "(__u64)c + 1"),
        (cast(add(A, 1), t.U32), "a + 1"),
        (add(cast(A, t.U32), 1), "(__u32)a + 1"),
        (eq(cast(D, t.U64), 6), "d == 6"),
        (eq(cast(D, t.U64), cast(C, t.U64)), "d == c"),
        (binary(Op.LT, cast(C, t.S64), S), "c < s"),
        (binary(Op.LT, cast(C, t.S64), num(-1, t.S64)), "(__s64)c < -1"),
        (binary(Op.SHR, A, num(32, t.U32)), "a >> 32"),
        (binary(Op.SHL, cast(D, t.U64), num(40, t.U32)), "(__u64)d << 40"),
        (binary(Op.SHL, num(1), num(40, t.U32)), "1ULL << 40"),
        (binary(Op.ADD, D, D), "(__u8)(d + d)"),
        (cast(V, t.U64), "v"),
        (cast(S, t.U64), "s"),
        (add(cast(S, t.U64), A), "(__u64)s + a"),
        (binary(Op.SHR, S, num(1, t.U32)), "s >> 1"),
        (n.Unary(n.UnaryOp.NEG, cast(C, t.U64), t.U64), "-(__u64)c"),
        (n.Select(eq(A, 0), num(1), A, t.U64), "a == 0 ? 1 : a"),
        (n.Select(V, cast(C, t.U64), A, t.U64), "v ? c : a"),
        (cast(P, t.U64), "(__u64)p"),
        (n.ByteSwap("ntohs", H, t.U16), "bpf_ntohs(h)"),
        (eq(H, num(13568, t.BE16)), "h == bpf_htons(53)"),
        (binary(Op.DIV, A, B), "a / b"),
        (binary(Op.DIV, S, num(10, t.S64)), "div_s64(s, 10)"),
        (binary(Op.MOD, S, S), "mod_s64(s, s)"),
        (num(2**64 - 1), "0xffffffffffffffffULL"),
        (num(-(2**63), t.S64), "(-9223372036854775807LL - 1)"),
        (num(10_000_000_000), "10000000000ULL"),
    ],
)
def test_conversions(expr: n.Expr, text: str) -> None:
    assert emitted(expr) == text


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (negate(eq(A, 0)), "a != 0"),
        (negate(binary(Op.LT, A, B)), "a >= b"),
        (n.IsNull(P), "!p"),
        (binary(Op.LAND, negate(n.IsNull(P)), eq(A, 0)), "p && a == 0"),
        (binary(Op.LOR, binary(Op.LAND, V, V), eq(A, 0)), "(v && v) || a == 0"),
        (negate(binary(Op.LAND, V, eq(A, 0))), "!(v && a == 0)"),
        (cast(A, t.BOOL), "a != 0"),
        (eq(V, num(0, t.BOOL)), "!v"),
        (binary(Op.NE, P, num(0, P.type)), "p"),
    ],
)
def test_conditions(expr: n.Expr, text: str) -> None:
    assert emitted(expr) == text
