# SPDX-License-Identifier: Apache-2.0
"""Which reads of a context clang must not merge with reads of other memory, or with one another.

Where two branches end with loads of one width, clang may make one load of them, from a pointer that is the context in
one case and a map value in the other, or that is the context at one of two offsets. The verifier rewrites loads from a
context and refuses that: "same insn cannot be used with different pointers", or "dereference of modified ctx ptr". LLVM
merges volatile loads as well (SimplifyCFG, ``canSinkInstructions``), but no inline assembly, so that an empty one
behind a volatile load keeps it where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import leaves
from honey.ir.walk import Node, walk

READ_ONCE = "READ_ONCE"


def reads_once(program_reads_memory: bool, function: n.Function) -> frozenset[n.Read]:
    """The reads of a handler's context that need ``READ_ONCE``.

    These are the reads of different fields in the two branches of an ``if``, and all after or inside a branch where
    ``program_reads_memory``: where there are other loads to merge them with, in any function, as clang inlines.
    """
    found = {*_in_either_branch(function.body, ()), *_in_either_value(function.body)}
    if not program_reads_memory:
        return frozenset(found)
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


def _in_either_branch(block: n.Block, after: Sequence[n.Read]) -> Iterator[n.Read]:
    """Reads that the two branches of an ``if`` could share; ``after`` are those that follow the block."""
    following = dict.fromkeys(after)
    for statement in reversed(block):
        rest = tuple(following)
        following.update(dict.fromkeys(_scalars(statement)))
        if isinstance(statement, n.For):
            yield from _in_either_branch(statement.body, rest)
        elif isinstance(statement, n.If):
            then, otherwise = statement.then, statement.otherwise
            yield from _shared(
                [*_scalars(*then), *(rest if leaves(otherwise) else ())],
                [*_scalars(*otherwise), *(rest if leaves(then) else ())],
            )
            yield from _in_either_branch(then, rest)
            yield from _in_either_branch(otherwise, rest)


def _in_either_value(block: n.Block) -> Iterator[n.Read]:
    for node in walk(block):
        if isinstance(node, n.Select):
            yield from _shared(_scalars(node.then), _scalars(node.otherwise))


def _shared(left: Sequence[n.Read], right: Sequence[n.Read]) -> Iterator[n.Read]:
    """Reads on both sides of different fields of one width: one load could do for both."""
    for one in left:
        for other in right:
            if one != other and one.type.size == other.type.size:
                yield from (one, other)


def _scalars(*roots: Node) -> list[n.Read]:
    """The reads of a context's integers and addresses, elements of its arrays among them."""
    reads = [node for root in roots for node in walk(root) if isinstance(node, n.Read)]
    return [read for read in dict.fromkeys(reads) if _is_scalar(read)]


def _is_scalar(read: n.Read) -> bool:
    return isinstance(read.type, t.Int | t.Bool | t.Address) and _space(read.place) is t.Space.CONTEXT


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
