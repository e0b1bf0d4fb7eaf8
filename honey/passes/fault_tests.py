# SPDX-License-Identifier: Apache-2.0
"""Leaves out tests for failed reads where what was read gives the same answer.

| test | becomes | because |
|---|---|---|
| ``err == 0 && peer.sin_family == AF_INET`` | ``peer.sin_family == AF_INET`` | a failed read leaves zeros |
| ``err == 0 ? header.msg_name : NULL`` | ``header.msg_name`` | the same |
| ``if (!msg) return 1; n = core_read(msg); return n ? n : 1;`` | ``n = core_read(msg); ...`` | null cannot be read: 0 |

Proof obligation. A failed ``bpf_probe_read_user`` or ``_kernel`` fills its target with zeros (kernel's bpf_trace.c). So
``err == 0`` may go from a conjunction whose other part, with zeros for what was read, is false: where the read has
failed, the conjunction is false without it; likewise for a choice whose sides are the same with zeros. In between,
nothing has written the target.
In the last row the page at address 0 is never the kernel's, so that a read through null gives 0, and the result with
0 in place of what was read is the constant that the test returned.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.walk import map_blocks, rewrite, root_place
from honey.passes.constant_folding import fold
from honey.passes.rewriting import as_block, each_function, with_body

_KINDS = {n.ReadKind.USER, n.ReadKind.KERNEL}
_FIRST_PAGE = 4096


def run(program: n.Program) -> n.Program:
    """``program`` without redundant tests of reads."""
    return each_function(program, lambda function: with_body(function, map_blocks(function.body, _block)))


def _block(block: n.Block) -> n.Block:
    out = list(block)
    for at, statement in enumerate(block):
        match statement:
            case n.Let(result, n.ProbeRead(kind, n.LocalPlace(target)) as effect):
                if kind in _KINDS and effect.size == target.type.size:
                    _simplify(out, at + 1, result, target)
            case _:
                pass
    for at in range(len(out) - 2):
        if _null_gives_the_same(out[at], out[at + 1], out[at + 2]):
            del out[at]
            break
    return as_block(out, block)


def _simplify(block: list[n.Stmt], start: int, result: n.Local, target: n.Local) -> None:
    """Leave out tests of ``result`` from ``start`` on, as far as ``target`` is not written again."""

    def rule(node: object) -> object:
        match node:
            case n.Binary(n.BinaryOp.LAND):
                return _without_test(node, result, target)
            case n.Select(test, then, otherwise) if _is_test(test, result):
                return then if _with_zeros(then, target) == _with_zeros(otherwise, target) else node
            case _:
                return node

    for at in range(start, len(block)):
        if {result.id, target.id} & locals_written(block[at]):
            break
        block[at] = rewrite(block[at], rule)


def _without_test(condition: n.Binary, result: n.Local, target: n.Local) -> n.Expr:
    parts = _conjunction(condition)
    rest = [part for part in parts if not _is_test(part, result)]
    if len(rest) == len(parts) or not any(_with_zeros(part, target) == n.Const(0, t.BOOL) for part in rest):
        return condition
    shorter = rest[0]
    for part in rest[1:]:
        shorter = n.Binary(n.BinaryOp.LAND, shorter, part, t.BOOL)
    return shorter


def _conjunction(condition: n.Expr) -> list[n.Expr]:
    if isinstance(condition, n.Binary) and condition.op is n.BinaryOp.LAND:
        return [*_conjunction(condition.left), *_conjunction(condition.right)]
    return [condition]


def _is_test(part: n.Expr, result: n.Local) -> bool:
    """Whether ``part`` is ``result == 0``."""
    match part:
        case n.Binary(n.BinaryOp.EQ, n.Read(n.LocalPlace(local)), n.Const(0)):
            return local == result
        case _:
            return False


def _with_zeros(expr: n.Expr, target: n.Local) -> n.Expr:
    """``expr`` folded with zeros for everything that is read from ``target``."""

    def rule(node: object) -> object:
        if isinstance(node, n.Read) and isinstance(node.type, (t.Int, t.Bool, t.Address)):
            root = root_place(node.place)
            if isinstance(root, n.LocalPlace) and root.local == target:
                return n.Const(0, node.type)
        return fold(node)

    return rewrite(expr, rule)


def _null_gives_the_same(test: n.Stmt, reading: n.Stmt, leaving: n.Stmt) -> bool:
    match test, reading, leaving:
        case (
            n.If(n.IsNull(pointer), (n.Return(n.Const() as early),), ()),
            n.Let(count, n.CoreRead(source, struct, path, False)),
            n.Return(result),
        ) if result is not None:
            below = struct.size <= _FIRST_PAGE and len(path) > 0
            return below and _plain(source) == _plain(pointer) and _with_zeros(result, count) == early
        case _:
            return False


def _plain(address: n.Expr) -> n.Expr:
    """An address without what says whose it is and what lies there."""
    while isinstance(address, n.Cast) and isinstance(address.operand.type, t.Address):
        address = address.operand
    return address
