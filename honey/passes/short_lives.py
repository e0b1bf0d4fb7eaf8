# SPDX-License-Identifier: Apache-2.0
"""Declares memory where it is used, and gives it up where it is used no more, so that clang can use it again.

| what | becomes |
|---|---|
| a local without a value, used inside one branch only | declared in that branch |
| a local without a value, first used further down | declared there, with a value if it is given one |
| a large struct that is read into, of which later statements read a field or two | those fields read at once |
| a large struct, used by a few statements with calls after them | those statements in a scope of their own |

Proof obligation: a local without a value holds nothing before its first use, so that it may be declared anywhere above
that, on every path to its uses. What a scope's statements declare and others use is declared before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import Node, blocks_of, map_blocks, next_local_id, rewrite_block, root_place, uses, walk
from honey.passes.rewriting import as_block, declared_with_values, each_function, effect_of, with_blocks, with_body
from honey.records import dataclass

LARGE = 32
"""Bytes from which on memory is worth a scope."""
_FEW = 2


def run(program: n.Program) -> n.Program:
    """``program`` with short lives for its locals' memory."""
    return each_function(program, lambda function: with_body(function, _shortened(function)))


def _shortened(function: n.Function) -> n.Block:
    ids = _Ids(next_local_id(function))
    body = map_blocks(_sunk(function.body), lambda block: _read_at_once(block, ids))
    return map_blocks(body, _scoped)


@dataclass(slots=True)
class _Ids:
    """Ids that no local has yet."""

    next: int


# ---------------------------------------------------------------- declarations further down


def _sunk(block: n.Block) -> n.Block:
    """The block with its declarations moved down, then those of its inner blocks."""
    out = list(block)
    for statement in reversed(block):
        if isinstance(statement, n.Let) and statement.value is None:
            _sink(out, statement)
    inner = [with_blocks(statement, [_sunk(inner) for inner in blocks_of(statement)]) for statement in out]
    return as_block(declared_with_values(inner), block)


def _sink(block: list[n.Stmt], let: n.Let) -> None:
    at = next(index for index, one in enumerate(block) if one is let)
    users = [index for index in range(at + 1, len(block)) if uses(block[index])[let.local.id]]
    if not users:
        return
    del block[at]
    first = users[0] - 1
    only = block[first]
    inside = [inner for inner in blocks_of(only) if uses(inner)[let.local.id]]
    outside = uses(only)[let.local.id] - sum(uses(inner)[let.local.id] for inner in blocks_of(only))
    if len(users) == 1 and len(inside) == 1 and not outside and isinstance(only, n.If):
        block[first] = with_blocks(only, [(let, *b) if b is inside[0] else b for b in blocks_of(only)])
    else:
        block.insert(first, let)


# ---------------------------------------------------------------- fields read at once


def _read_at_once(block: n.Block, ids: _Ids) -> n.Block:
    """The block with the fields of a large struct read right after it is filled, if they are wanted further down."""
    for at, statement in enumerate(block):
        struct = _filled(statement)
        if struct is None or struct.type.size < LARGE or at + 1 == len(block):
            continue
        later = block[at + 1 :]
        wanted = list(dict.fromkeys(_numbers_in(later, struct)))
        if (
            not _all_uses(later, struct, wanted)
            or not wanted
            or len(wanted) > _FEW
            or not _worth_reading(later, struct)
        ):
            continue
        locals_: dict[Node, n.Local] = {}
        for read in wanted:
            assert isinstance(read.place, n.FieldPlace)
            locals_[read] = n.Local(ids.next, read.place.field.rpartition(".")[2], read.type)
            ids.next += 1
        lets = tuple(n.Let(locals_[read], read, statement.span) for read in wanted)
        return (*block[: at + 1], *lets, *_read_at_once(_replaced(later, locals_), ids))
    return block


def _replaced(block: n.Block, locals_: dict[Node, n.Local]) -> n.Block:
    def rule(node: Node) -> Node:
        local = locals_.get(node)
        return node if local is None else n.Read(n.LocalPlace(local), local.type)

    return rewrite_block(block, rule)


def _filled(statement: n.Stmt) -> n.Local | None:
    """The struct that a statement reads into as a whole."""
    effect = effect_of(statement)
    match effect:
        case n.ProbeRead(_, n.LocalPlace(local)) if isinstance(local.type, t.Struct):
            return local
        case _:
            return None


def _numbers_in(block: n.Block, struct: n.Local) -> Iterator[n.Read]:
    """The reads of the struct's fields that are numbers."""
    for node in walk(block):
        if isinstance(node, n.Read) and isinstance(node.place, n.FieldPlace):
            number = isinstance(node.type, (t.Int, t.Bool, t.Address))
            if number and root_place(node.place) == n.LocalPlace(struct):
                yield node


def _all_uses(block: n.Block, struct: n.Local, reads: list[n.Read]) -> bool:
    """Whether the struct is used for nothing but ``reads``, and one of them is wanted whatever happens."""
    counted = sum(sum(node == read for node in walk(block)) for read in reads)
    return uses(block)[struct.id] == counted


def _worth_reading(later: n.Block, struct: n.Local) -> bool:
    """Whether a call with memory of its own stands in the way; with reads before it there is nothing to gain."""
    last = max((at for at, one in enumerate(later) if uses(one)[struct.id]), default=-1)
    return (
        last >= 0
        and isinstance(later[last], (n.Eval, n.Let))
        and any(isinstance(node, n.Call) for node in walk(later[last]))
    )


# ---------------------------------------------------------------- scopes


def _scoped(block: n.Block) -> n.Block:
    for at, statement in enumerate(block):
        if isinstance(statement, n.Let) and statement.value is None and statement.local.type.size >= LARGE:
            last = max((i for i in range(at + 1, len(block)) if uses(block[i])[statement.local.id]), default=at)
            if isinstance(statement.local.type, t.Struct) and _worth(block, at, last):
                return _scoped(_with_scope(block, at, last))
    return block


def _worth(block: n.Block, at: int, last: int) -> bool:
    """Whether memory is given up in time for a call of the program's own that may need some."""
    if last == at or any(isinstance(node, (n.Return, n.Break)) for node in block[at : last + 1]):
        return False
    return any(isinstance(node, n.Call) for node in walk(block[last + 1 :]))


def _with_scope(block: n.Block, at: int, last: int) -> n.Block:
    """The block with statements ``at`` to ``last`` in a scope; what is used after it is declared before."""
    later = uses(block[last + 1 :])
    before: list[n.Stmt] = []
    inside: list[n.Stmt] = []
    for statement in block[at : last + 1]:
        if isinstance(statement, n.Let) and later[statement.local.id]:
            before.append(n.Let(statement.local, None, statement.span))
            if statement.value is not None:
                inside.append(n.Assign(n.LocalPlace(statement.local), statement.value, statement.span))
        else:
            inside.append(statement)
    scope = n.Scope(tuple(inside), block[at].span)
    return (*block[:at], *before, scope, *block[last + 1 :])
