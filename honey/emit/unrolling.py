# SPDX-License-Identifier: Apache-2.0
"""Which loops clang is asked to write out turn by turn.

A loop that changes a variable in some turns and not in others has a state for each combination, if the verifier needs
the variable's exact value later. It keeps few of the states that it has seen at an instruction, and in a loop all
turns share the instructions: it forgets, and tries the combinations one by one until its budget is spent. Where each
turn has instructions of its own, it remembers (for the largest set bit of 64: 4,435 instructions looked at instead of
more than the million that there may be).
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.ir.walk import Node, declarations, root_place, walk

PRAGMA = "#pragma unroll"

_MOST = 4096
"""Nodes in all turns together: about as many instructions."""

_CALL = 32
"""What the call of a function counts, as it is mostly inlined."""

_APART = 64
"""What a signed division counts, and a read of the context: clang does not see through the assembly in them, and keeps
what it makes of those of all turns on the stack."""


def unrolled(loop: n.For) -> bool:
    """Whether ``loop`` changes a variable of the code around it in some turns only, and is short enough."""
    turns = len(range(loop.start, loop.stop, loop.step))
    own = {loop.local.id, *(local.id for local in declarations(loop.body))}
    return (
        turns > 1
        and turns * sum(_size(node) for node in walk(loop.body)) <= _MOST
        and not any(isinstance(node, n.For) for node in walk(loop.body))
        and _changes(loop.body, own, branched=False)
    )


def _size(node: Node) -> int:
    match node:
        case n.Call():
            return _CALL
        case n.Binary(n.BinaryOp.DIV | n.BinaryOp.MOD, left) if isinstance(left.type, t.Int) and left.type.signed:
            return _APART
        case n.Read(place) if in_context(place):
            return _APART
        case _:
            return 1


def _changes(block: n.Block, own: set[int], *, branched: bool) -> bool:
    """Whether a local that is not among ``own`` depends on a branch."""
    for statement in block:
        match statement:
            case n.Assign(place, value):
                root = root_place(place)
                if isinstance(root, n.LocalPlace) and root.local.id not in own and (branched or _chooses(value)):
                    return True
            case n.If():
                if _changes(statement.then, own, branched=True) or _changes(statement.otherwise, own, branched=True):
                    return True
            case n.Scope(body):
                if _changes(body, own, branched=branched):
                    return True
            case _:
                pass
    return False


def _chooses(value: Node) -> bool:
    return any(isinstance(node, n.Select) or (isinstance(node, n.Binary) and node.op.logical) for node in walk(value))
