# SPDX-License-Identifier: Apache-2.0
"""Brings branches into the form that a person would write, and that the passes after it expect.

| branch | becomes |
|---|---|
| ``if (a) { if (b) X }`` | ``if (a && b) X`` |

Proof obligation: the second test is evaluated exactly where it was, after the first and only if that holds, as ``&&``
does; an expression has no effect, so that nothing else happens in between.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import map_blocks
from honey.passes.rewriting import each_function, with_body


def run(program: n.Program) -> n.Program:
    """``program`` with branches joined."""
    return each_function(program, lambda function: with_body(function, map_blocks(function.body, _block)))


def _block(block: n.Block) -> n.Block:
    new = tuple(_joined(statement) for statement in block)
    return block if all(one is old for one, old in zip(new, block, strict=True)) else new


def _joined(statement: n.Stmt) -> n.Stmt:
    match statement:
        case n.If(first, (n.If(second, then, ()),), (), span):
            return n.If(n.Binary(n.BinaryOp.LAND, first, second, t.BOOL), then, (), span)
        case _:
            return statement
