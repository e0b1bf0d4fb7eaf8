# SPDX-License-Identifier: Apache-2.0
"""Puts structs where on the stack what is constant in them makes whole aligned words.

A struct of 4-byte alignment may start at a multiple of 8, or 4 beyond. A key whose first 4 bytes are a number and whose
rest is constant takes one store for the rest if that rest begins at a multiple of 8, and two or more otherwise. C has
no word for "4 beyond"; emission puts a struct around the struct.

Proof obligation: none, the struct holds the same wherever it lies.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import rewrite_block
from honey.passes.rewriting import each_function, with_body
from honey.records import replace

WORD = 8
HALF = 4
_STRUCTS = frozenset((n.StructValue,))


def run(program: n.Program) -> n.Program:
    """``program`` with structs placed."""
    symbols = Symbols.of(program)

    def rule(node: object) -> object:
        if isinstance(node, n.Let) and isinstance(node.value, n.StructValue) and _starts_beyond(node.value, symbols):
            return replace(node, beyond=True)
        return node

    return each_function(program, lambda function: with_body(function, rewrite_block(function.body, rule, _STRUCTS)))


def _starts_beyond(value: n.StructValue, symbols: Symbols) -> bool:
    """Whether a local made with ``value`` should start 4 bytes beyond a multiple of 8."""
    type_ = value.type
    if not isinstance(type_, t.Struct) or type_.align != HALF or type_.size <= WORD:
        return False
    constant = _constant_bytes(value, symbols)
    return constant is not None and _stores(constant, HALF) < _stores(constant, 0)


def _constant_bytes(value: n.StructValue, symbols: Symbols) -> list[bool] | None:
    """Which bytes are known when the program is compiled; parameters count, as they often are once it is inlined."""
    constant = [True] * value.type.size
    for name, inner in value.fields:
        element = symbols.element(value.type, name)
        if element is None:
            return None
        if not _may_be_constant(inner):
            offset, type_ = element
            constant[offset : offset + type_.size] = [False] * type_.size
    return constant


def _may_be_constant(expr: n.Expr) -> bool:
    if isinstance(expr, n.Cast):
        return _may_be_constant(expr.operand)
    byte = isinstance(expr.type, t.Int) and expr.type.bits == 8
    return isinstance(expr, n.Const) or (byte and isinstance(expr, n.Read) and isinstance(expr.place, n.LocalPlace))


def _stores(constant: list[bool], start: int) -> int:
    """How many aligned stores of 8, 4, 2 or 1 bytes the constant part takes."""
    count = at = 0
    while at < len(constant):
        if not constant[at]:
            at += 1
            continue
        size = next(
            size
            for size in (8, 4, 2, 1)
            if (start + at) % size == 0 and at + size <= len(constant) and all(constant[at : at + size])
        )
        count += 1
        at += size
    return count
