# SPDX-License-Identifier: Apache-2.0
"""Computes values where what they are made of is at hand, so that it need not be kept across calls.

| what | moves up |
|---|---|
| what a handler reads from its context, if that is all it wants of the context | to the start |
| a struct made of numbers, a key computed from one | to where the last of them is known |

A number that outlives a call needs one of four registers, or the stack, and once it lies in a struct it may not be
needed any more; the context itself needs a register for as long as it is read from.

Proof obligation: what moves is an expression, which has no effect; it moves over statements that write nothing of what
it reads, and a struct stays behind the last test that may leave. The context never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeGuard

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import argument_name
from honey.ir.footprint import Writes, escaped_locals, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import blocks_of, map_blocks, next_local_id, own_nodes, pick, rewrite_block, root_place, uses, walk
from honey.passes.rewriting import as_block, each_function, effect_of, with_blocks, with_body
from honey.records import replace

_MOST_FROM_CONTEXT = 3
"""Values that may wait in registers from the start on; a fourth would leave none for anything else."""


def run(program: n.Program) -> n.Program:
    """``program`` with values computed early."""
    writes = Writes(Symbols.of(program))

    def rule(function: n.Function) -> n.Function:
        escaped = escaped_locals(function)
        ids = iter(range(next_local_id(function), 1 << 30))
        written = locals_written(function.body)
        body = _keys_named(function.body, ids, written)
        body = map_blocks(body, lambda block: _structs_up(block, writes, escaped))
        return with_body(function, _context_first(function, body))

    return each_function(program, rule)


# ---------------------------------------------------------------- the context


def _context_first(function: n.Function, body: n.Block) -> n.Block:
    if function.section is None or not any(isinstance(node, n.Effect) for node in walk(body)):
        return body
    context = function.params[0].id
    moving = [one for one in body if _reads_only_context(one, context)]
    rest = tuple(one for one in body if not any(one is other for other in moving))
    read = [node for node in walk(rest) if _is_context_read(node, context)]
    wanted = [node for node in dict.fromkeys(read) if read.count(node) > 1 or not _is_of_the_first(node, rest)]
    used = sum(uses(node)[context] for node in read)
    if len(moving) + len(wanted) > _MOST_FROM_CONTEXT or used != uses(rest)[context] or not moving + wanted:
        return body
    number = next_local_id(replace(function, body=body))
    locals_ = {
        read: n.Local(number + at, argument_name(function, read.place), read.type) for at, read in enumerate(wanted)
    }
    span = body[0].span
    first = [n.Let(local, read, span) for read, local in locals_.items()]

    def rule(node: object) -> object:
        return _reading(locals_[node]) if isinstance(node, n.Read) and node in locals_ else node

    rest = rewrite_block(rest, rule)
    new = (*moving, *first, *rest)
    return body if len(new) == len(body) and all(one is old for one, old in zip(new, body, strict=True)) else new


def _is_of_the_first(node: n.Read, body: n.Block) -> bool:
    """Whether the first statement reads ``node``, before it does anything: then it is early enough."""
    return isinstance(body[0], (n.Let, n.Assign, n.Eval)) and node in own_nodes(body[0])


def _reading(local: n.Local) -> n.Read:
    return n.Read(n.LocalPlace(local), local.type)


def _reads_only_context(statement: n.Stmt, context: int) -> bool:
    if not isinstance(statement, n.Let) or not isinstance(statement.value, n.Expr):
        return False
    found = reads(statement.value)
    return found.locals == {context} and found.spaces <= {t.Space.CONTEXT}


def _is_context_read(node: object, context: int) -> TypeGuard[n.Read]:
    """Whether ``node`` reads a number from the context, at a place found by constants."""
    if not isinstance(node, n.Read) or not isinstance(node.type, (t.Int, t.Bool, t.Address)):
        return False
    return reads(node).locals == {context} and isinstance(root_place(node.place), n.DerefPlace)


# ---------------------------------------------------------------- keys

_KEY = "key"
_WITH_KEYS = frozenset((n.MapLookup, n.MapUpdate, n.MapDelete))


def _keys_named(block: n.Block, ids: Iterator[int], changing: frozenset[int]) -> n.Block:
    """The block with a local for each key that is computed, and must be stored for its map to see it.

    What is used in an inner block as well is stored once: the outermost block is the first that is looked at. A copy
    on one path only would lie on the stack, and keep the verifier from seeing that the next turns of a loop are alike.
    """
    out: list[n.Stmt] = []
    rest = block
    while rest:
        statement, rest = rest[0], rest[1:]
        if isinstance(statement, n.Let) and (stored := _stored(statement, rest, changing)) is not None:
            rest = rewrite_block(rest, _in_place_of(stored, statement.local))
        key = getattr(effect_of(statement), "key", None)
        if isinstance(key, n.Cast | n.Binary) and not reads(key).spaces and not reads(key).locals & changing:
            local = n.Local(next(ids), _KEY, key.type)
            out.append(n.Let(local, key, statement.span))
            statement, *others = rewrite_block((statement, *rest), _in_place_of(key, local))
            rest = tuple(others)
        inner = [_keys_named(one, ids, changing) for one in blocks_of(statement)]
        out.append(with_blocks(statement, inner) if inner else statement)
    return as_block(out, block)


def _stored(let: n.Let, rest: n.Block, changing: frozenset[int]) -> n.Expr | None:
    """A computed number that is handed to a map as a key, and lies in memory for that."""
    if not isinstance(let.value, n.Cast | n.Binary) or reads(let.value).spaces:
        return None
    if (reads(let.value).locals | {let.local.id}) & changing:
        return None
    key = _reading(let.local)
    return let.value if any(node.key == key for node in pick(rest, _WITH_KEYS)) else None


def _in_place_of(key: n.Expr, local: n.Local) -> Callable[[object], object]:
    """A rule that points map helpers at ``local`` where they would be given ``key``."""

    def rule(node: object) -> object:
        if isinstance(node, n.MapLookup | n.MapUpdate | n.MapDelete) and node.key == key:
            return replace(node, key=_reading(local))
        return node

    return rule


def _is_key(statement: n.Let) -> bool:
    return statement.local.name == _KEY and isinstance(statement.value, n.Cast | n.Binary)


# ---------------------------------------------------------------- structs


def _structs_up(block: n.Block, writes: Writes, escaped: frozenset[int]) -> n.Block:
    out = list(block)
    for at, statement in enumerate(block):
        if isinstance(statement, n.Let) and (isinstance(statement.value, n.StructValue) or _is_key(statement)):
            out.insert(_earliest(out, at, writes, escaped), out.pop(at))
    return as_block(out, block)


def _earliest(block: list[n.Stmt], at: int, writes: Writes, escaped: frozenset[int]) -> int:
    """The first position that the statement may move to; 0 to ``at``."""
    statement = block[at]
    assert isinstance(statement, n.Let)
    assert isinstance(statement.value, n.Expr)
    needed = reads(statement.value)
    while at > 0:
        before = block[at - 1]
        leaves = any(isinstance(node, (n.Return, n.Raise, n.Break)) for node in walk(before))
        if leaves or writes.of(before).meets(needed, escaped) or not _calls_something(block, at):
            break
        at -= 1
    return at


def _calls_something(block: list[n.Stmt], at: int) -> bool:
    """Whether moving up from ``at`` passes an effect at some point: there is no use in moving over expressions."""
    return any(isinstance(node, n.Effect) for one in block[:at] for node in walk(one))
