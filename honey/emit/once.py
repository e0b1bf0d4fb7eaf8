# SPDX-License-Identifier: Apache-2.0
"""Which reads of a context clang must not merge with reads of other memory.

Where two branches end with loads of one width, clang may make one load of them, from a pointer that is the context in
one case and a map value in the other. The verifier rewrites loads from a context and refuses that: "same insn cannot be
used with different pointers", or "dereference of modified ctx ptr" where the field's offset is relocated. A volatile
load stays where it is.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import Node, walk

READ_ONCE = "READ_ONCE"


def reads_once(program_reads_memory: bool, function: n.Function) -> frozenset[n.Read]:
    """The reads of a handler's context that need ``READ_ONCE``: those after or inside a branch.

    ``program_reads_memory`` says whether there are loads that they could be merged with, in any function, as clang
    inlines.
    """
    if not program_reads_memory:
        return frozenset()
    found: set[n.Read] = set()
    branched = False
    for statement in function.body:
        found.update(_reads(statement, branched=branched))
        branched = branched or isinstance(statement, n.If | n.For) or _chooses(statement)
    return frozenset(found)


def reads_memory(program: n.Program) -> bool:
    """Whether a function reads memory behind a reference other than the context."""
    return any(
        isinstance(node, n.Read) and _space(node.place) not in (None, t.Space.CONTEXT)
        for function in program.functions
        for node in walk(function.body)
    )


def _reads(root: n.Stmt, *, branched: bool) -> list[n.Read]:
    inside = branched or not isinstance(root, n.If) or _chooses(root.condition)
    parts: list[Node] = [root] if inside and (branched or _chooses(root)) else []
    if isinstance(root, n.If):
        parts += [*root.then, *root.otherwise]
    elif isinstance(root, n.For):
        parts += root.body
    return [node for part in parts for node in walk(part) if isinstance(node, n.Read) and _is_field(node.place)]


def _chooses(root: Node) -> bool:
    """Whether not all of an expression may be evaluated."""
    return any(isinstance(node, n.Select) or (isinstance(node, n.Binary) and node.op.logical) for node in walk(root))


def _is_field(place: n.Place) -> bool:
    return (
        isinstance(place, n.FieldPlace)
        and isinstance(place.base, n.DerefPlace)
        and isinstance(place.base.type, t.Struct)
        and _space(place) is t.Space.CONTEXT
    )


def _space(place: n.Place) -> t.Space | None:
    while isinstance(place, n.FieldPlace | n.IndexPlace):
        place = place.base
    return place.ref.type.space if isinstance(place, n.DerefPlace) and isinstance(place.ref.type, t.Ref) else None
