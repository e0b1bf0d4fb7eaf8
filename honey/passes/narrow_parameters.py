# SPDX-License-Identifier: Apache-2.0
"""Gives a parameter the width that its function uses: one that is only ever truncated is truncated by the caller.

    def add(pid: u64)                           def add(pid: u32)
      lookup(stats, u32(pid))             →       lookup(stats, pid)
    add(pid)                                    add(u32(pid))

Proof obligation: every use of the parameter is the same cast to a narrower integer, of which the low bits alone count;
casting before the call gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.walk import Node, children, rewrite_block, walk
from honey.passes.constant_folding import fold
from honey.records import replace


def run(program: n.Program) -> n.Program:
    """``program`` with parameters narrowed."""
    narrow: dict[str, dict[int, t.Int]] = {}
    for function in program.functions:
        if function.section is None:
            found = {at: type_ for at, param in enumerate(function.params) if (type_ := _width(function, param))}
            if found:
                narrow[function.name] = found
    if not narrow:
        return program
    return replace(program, functions=tuple(_narrowed(function, narrow) for function in program.functions))


def _width(function: n.Function, param: n.Local) -> t.Int | None:
    """The one type that ``param`` is always cast to, if it is narrower."""
    if not isinstance(param.type, t.Int) or param.id in locals_written(function.body):
        return None
    reading = n.Read(n.LocalPlace(param), param.type)
    types: set[t.Type] = set()
    for node in walk(function.body):
        below = children(node)
        if isinstance(node, n.Cast) and node.operand == reading:
            types.add(node.type)
        elif reading in below:
            return None
    found = next(iter(types)) if len(types) == 1 else None
    narrower = isinstance(found, t.Int) and not found.big_endian and found.bits < param.type.bits
    return found if narrower and isinstance(found, t.Int) else None


def _narrowed(function: n.Function, narrow: dict[str, dict[int, t.Int]]) -> n.Function:
    own = narrow.get(function.name, {})
    old = {function.params[at]: n.Local(function.params[at].id, function.params[at].name, own[at]) for at in own}

    def rule(node: Node) -> object:
        if isinstance(node, n.Cast) and isinstance(node.operand, n.Read):
            place = node.operand.place
            if isinstance(place, n.LocalPlace) and place.local in old:
                return n.Read(n.LocalPlace(old[place.local]), node.type)
        if isinstance(node, n.Call) and node.function in narrow:
            return replace(node, args=tuple(_arguments(node.args, narrow[node.function])))
        return node

    body = rewrite_block(function.body, rule)
    params = tuple(old.get(param, param) for param in function.params)
    return function if body is function.body and not old else replace(function, body=body, params=params)


def _arguments(args: Iterable[n.Expr], types: dict[int, t.Int]) -> Iterable[n.Expr]:
    for at, arg in enumerate(args):
        if at in types:
            folded = fold(n.Cast(arg, types[at]))
            assert isinstance(folded, n.Expr)
            yield folded
        else:
            yield arg
