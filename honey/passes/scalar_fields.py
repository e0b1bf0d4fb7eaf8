# SPDX-License-Identifier: Apache-2.0
"""Keeps what is read for a struct's fields in registers until the struct is made, which then takes the read's memory.

    key = %key{pid: pid}                        if address && (read(&peer), peer.family == AF_INET)
    if address                                    port = ntohs(peer.port)
      peer                               →      else
      read(&peer)                                 port = 0
      if peer.family == AF_INET                 key = %key{pid: pid, port: port}
        key.port = ntohs(peer.port)

What a helper reads into and what another helper is given both lie on the stack, side by side for as long as one is made
from the other. With the fields in between in registers, the one ends before the other begins, and clang gives both the
same memory. It takes two moves more where the fields are known.

Proof obligation. The struct is made of constants and of locals that never change, so that it is the same wherever it is
made; nothing looks at it before. Its fields are numbers, none in an unnamed union, and hold what the branch has stored
there, or else what the struct was made with.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import reads
from honey.ir.nonnull import locals_written
from honey.ir.walk import map_blocks, next_local_id, uses, walk
from honey.passes.rewriting import each_function, with_body
from honey.records import dataclass, replace

LEAST = 16
"""Bytes of what is read from which on its memory is worth two instructions."""
_NUMBERS = (t.Int, t.Bool, t.Address)


@dataclass(frozen=True, slots=True)
class _Filled:
    """A branch that reads a struct, and where the read tells so, stores fields of another one."""

    branch: n.If
    declared: n.Let
    read: n.Eval
    known: n.If
    fields: dict[str, n.Assign]


def run(program: n.Program) -> n.Program:
    """``program`` with fields in registers until their struct is made."""

    def rule(function: n.Function) -> n.Function:
        ids = iter(range(next_local_id(function), 1 << 30))
        changing = locals_written(function.body) | {
            node.local.id for node in walk(function.body) if isinstance(node, n.Let) and node.value is None
        }
        return with_body(function, map_blocks(function.body, lambda block: _block(block, changing, ids)))

    return each_function(program, rule)


def _block(block: n.Block, changing: frozenset[int], ids: Iterator[int]) -> n.Block:
    for at, made in enumerate(block):
        if not isinstance(made, n.Let) or not isinstance(made.value, n.StructValue) or made.static:
            continue
        first = next((i for i in range(at + 1, len(block)) if uses(block[i])[made.local.id]), at)
        before, after = block[at + 1 : first], block[first + 1 :]
        filled = _filled(block[first], made.local)
        if filled is None or _depends(made.value, changing - {made.local.id}) or _is_written(after, made.local):
            continue
        return (*block[:at], *before, *_late(made, made.value, filled, ids), *after)
    return block


def _depends(value: n.StructValue, changing: frozenset[int]) -> bool:
    needed = reads(value)
    return bool(needed.spaces or needed.locals & changing)


def _is_written(block: n.Block, local: n.Local) -> bool:
    """Whether fields are stored later as well: clang would keep the memory for that."""
    return any(isinstance(node, n.Assign) and uses(node.place)[local.id] for node in walk(block))


def _filled(branch: n.Stmt, made: n.Local) -> _Filled | None:
    match branch:
        case n.If(
            condition,
            (n.Let(peer, None) as declared, n.Eval(n.ProbeRead(_, n.LocalPlace(target))) as read, n.If() as known),
            (),
        ):
            fields = _stored(known, made)
        case _:
            return None
    if target != peer or peer.type.size < LEAST or fields is None:
        return None
    elsewhere = (condition, read, known.condition, *(one.value for one in fields.values()))
    return None if uses(elsewhere)[made.id] else _Filled(branch, declared, read, known, fields)


def _stored(known: n.If, made: n.Local) -> dict[str, n.Assign] | None:
    """What a branch stores into the fields of the struct, if it does nothing else."""
    fields: dict[str, n.Assign] = {}
    for statement in known.then:
        match statement:
            case n.Assign(n.FieldPlace(n.LocalPlace(local), name, type_), value) if local == made:
                if not isinstance(value, n.Expr) or not isinstance(type_, _NUMBERS) or "." in name:
                    return None
                fields[name] = statement
            case _:
                return None
    return fields if fields and not known.otherwise else None


def _late(made: n.Let, value: n.StructValue, filled: _Filled, ids: Iterator[int]) -> Iterator[n.Stmt]:
    """The registers, the read in a scope of its own, and the struct."""
    span = filled.branch.span
    given = dict(value.fields)
    known: list[n.Stmt] = []
    unknown: list[n.Stmt] = []
    registers: dict[str, n.Expr] = {}
    for name, stored in filled.fields.items():
        place = n.LocalPlace(n.Local(next(ids), name, stored.place.type))
        yield n.Let(place.local, None, span)
        known.append(replace(stored, place=place))
        unknown.append(n.Assign(place, given.get(name, n.Const(0, place.type)), filled.known.span))
        registers[name] = n.Read(place, place.type)
        opaque = n.HelperCall("barrier_var", (place,), t.VOID)
    # With an opaque number on this side, clang does not make both sides one, which would set the registers twice.
    unknown.append(n.Eval(opaque, filled.known.span))
    flag = n.Local(next(ids), "", t.BOOL)
    said, nothing = filled.known.condition, n.Const(0, t.BOOL)
    reading = n.If(
        filled.branch.condition,
        (filled.read, n.Assign(n.LocalPlace(flag), said, filled.known.span)),
        (n.Assign(n.LocalPlace(flag), nothing, span),),
        span,
    )
    choice = n.If(n.Read(n.LocalPlace(flag), t.BOOL), tuple(known), tuple(unknown), filled.known.span)
    yield n.Scope((filled.declared, n.Let(flag, None, span), reading, choice), span)
    yield replace(made, value=n.StructValue(tuple({**given, **registers}.items()), value.type))
