# SPDX-License-Identifier: Apache-2.0
"""Compares numbers as the network has them, with constants that are turned around when the program is compiled.

| test | becomes |
|---|---|
| ``ntohs(x) == c``, ``!=`` | ``x == htons(c)`` |
| ``(ntohs(x) & mask) == 0``, ``!=`` | ``(x & htons(mask)) == 0`` |
| ``port = ntohs(x)``, of which there are only such tests | ``port = x`` |

The swap of a constant costs nothing, that of a number an instruction, and another one where clang clears what is above
its 16 bits. Proof obligation: a swap gives different numbers for different numbers, so that two are equal exactly if
they are equal when swapped; it moves bits and keeps how many are set, so that bits in common with a mask stay in common
with the mask swapped alike. The constant fits the width of what is swapped; a local that keeps its bytes is written
once, and every use of it is such a test.
"""

from __future__ import annotations

from honey.ir import arithmetic
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.walk import Node, pick, rewrite_block, walk
from honey.passes.rewriting import LETS, each_function, with_body

_SWAPS = frozenset((n.ByteSwap,))
_EQUALITY = (n.BinaryOp.EQ, n.BinaryOp.NE)
_TURNS = {16: "ntohs", 32: "ntohl", 64: "ntohll"}


def run(program: n.Program) -> n.Program:
    """``program`` with its constants in network order."""
    return each_function(program, _function)


def _function(function: n.Function) -> n.Function:
    body = function.body
    swapped = {node.local: node.value for node in pick(body, LETS) if _is_turned(node.value)}
    if not swapped and not any(_is_turned(node) for node in pick(body, _SWAPS)):
        return function
    written = locals_written(body)
    kept = {
        local: n.Local(local.id, local.name, value.operand.type)
        for local, value in swapped.items()
        if isinstance(value, n.ByteSwap) and local.id not in written
    }
    tested = _tested(body, kept)
    left = {id_ for node in walk(tested) if (id_ := _turned_local(node)) is not None}
    if left:
        tested = _tested(body, {local: wire for local, wire in kept.items() if local.id not in left})
    return with_body(function, tested)


def _tested(body: n.Block, kept: dict[n.Local, n.Local]) -> n.Block:
    """The body where some locals hold the bytes as they came, and are turned where they are read, and then tests."""
    if kept:
        body = rewrite_block(body, lambda node: _as_it_came(node, kept))
    return rewrite_block(body, _test)


def _turned_local(node: Node) -> int | None:
    """The local that is read and turned at ``node``."""
    match node:
        case n.ByteSwap(_, n.Read(n.LocalPlace(local))):
            return local.id
        case _:
            return None


def _as_it_came(node: Node, kept: dict[n.Local, n.Local]) -> Node:
    match node:
        case n.Let(local, n.ByteSwap(_, wire), span) if local in kept:
            return n.Let(kept[local], wire, span)
        case n.Read(n.LocalPlace(local), t.Int(bits) as type_) if local in kept:
            wire = n.Read(n.LocalPlace(kept[local]), kept[local].type)
            return n.ByteSwap(_TURNS[bits], wire, type_)
        case _:
            return node


# ---------------------------------------------------------------- tests


def _test(node: Node) -> Node:
    """The first two rows."""
    match node:
        case n.Binary(op, left, n.Const(value, _, name), _) if op in _EQUALITY:
            swapped = _swap(left)
            if swapped is not None and _fits(value, swapped):
                wire = swapped.operand
                return n.Binary(op, wire, n.Const(_swapped(value, swapped), wire.type, name), t.BOOL)
            mask = _masked(left)
            if mask is not None and value == 0:
                wire, bits = mask
                assert isinstance(wire.type, t.Int)
                raw = n.Cast(wire, t.Int(wire.type.bits))
                common = n.Binary(n.BinaryOp.AND, raw, n.Cast(n.Const(bits, wire.type), raw.type), raw.type)
                return n.Binary(op, common, n.Const(0, raw.type), t.BOOL)
        case _:
            pass
    return node


def _swap(expr: n.Expr) -> n.ByteSwap | None:
    """The turn from network order that ``expr`` is, perhaps widened."""
    if isinstance(expr, n.Cast) and isinstance(expr.type, t.Int) and expr.type.size > expr.operand.type.size:
        expr = expr.operand
    return expr if isinstance(expr, n.ByteSwap) and _is_turned(expr) else None


def _is_turned(node: Node | None) -> bool:
    """Whether ``node`` turns a number from network order."""
    return isinstance(node, n.ByteSwap) and isinstance(node.type, t.Int) and node.type == t.Int(node.type.bits)


def _masked(expr: n.Expr) -> tuple[n.Expr, int] | None:
    """What ``swap & mask`` masks, before it is swapped, and the mask as it is then."""
    match expr:
        case n.Binary(n.BinaryOp.AND, left, n.Const(mask)):
            swapped = _swap(left)
            if swapped is not None and mask >= 0:
                kept = mask & ((1 << swapped.type.size * 8) - 1)
                return swapped.operand, _swapped(kept, swapped)
        case _:
            pass
    return None


def _fits(value: int, swap: n.ByteSwap) -> bool:
    return 0 <= value < 1 << swap.type.size * 8


def _swapped(value: int, swap: n.ByteSwap) -> int:
    return arithmetic.swap(value, swap.type.size * 8)
