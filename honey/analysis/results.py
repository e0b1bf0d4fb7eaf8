# SPDX-License-Identifier: Apache-2.0
"""What functions give back: directly into the caller's memory where that can be, and nothing if no caller looks."""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import Rule, map_blocks, pick, rewrite_block, uses, walk
from honey.records import replace

_LETS = frozenset((n.Let,))
_KEEPING = frozenset((n.Let, n.Assign))
_CALLS = frozenset((n.Call,))


def without_unused(program: n.Program) -> n.Program:
    """``program`` with functions that give back only what is wanted of them."""
    while True:
        functions = tuple(_without_unused_names(function) for function in program.functions)
        wanted = {
            node.value.function
            for function in functions
            for node in pick(function.body, _KEEPING)
            if isinstance(node.value, n.Call)
        }
        silent = {
            function.name
            for function in functions
            if function.section is None and function.name not in wanted and function.result != t.VOID
        }
        if not silent:
            return replace(program, functions=functions)
        program = replace(program, functions=tuple(_silenced(function, silent) for function in functions))


def _without_unused_names(function: n.Function) -> n.Function:
    """Calls whose result is bound to a name that is never read, without the name."""
    bound = [node.local.id for node in pick(function.body, _LETS) if isinstance(node.value, n.Call)]
    if not bound:
        return function
    counts = uses(function.body)
    if all(counts[local] for local in bound):
        return function

    def rule(block: n.Block) -> n.Block:
        return tuple(
            n.Eval(statement.value, statement.span)
            if isinstance(statement, n.Let) and isinstance(statement.value, n.Call) and not counts[statement.local.id]
            else statement
            for statement in block
        )

    return replace(function, body=map_blocks(function.body, rule))


def _silenced(function: n.Function, silent: set[str]) -> n.Function:
    """``function`` where the functions in ``silent`` (itself perhaps among them) give nothing back."""
    mine = function.name in silent
    if not mine and not any(call.function in silent for call in pick(function.body, _CALLS)):
        return function

    def statement(found: n.Stmt) -> n.Stmt:
        match found:
            case n.Eval(n.Call(name, args), span) if name in silent:
                return n.Eval(n.Call(name, args, t.VOID), span)
            case n.Return(_, span) if mine:
                return n.Return(None, span)
            case _:
                return found

    body = map_blocks(function.body, lambda block: tuple(statement(found) for found in block))
    if not mine:
        return replace(function, body=body)
    return replace(function, body=_without_last_return(body), result=t.VOID)


def _without_last_return(block: n.Block) -> n.Block:
    """A block at whose end the function ends anyway."""
    if not block:
        return block
    last = block[-1]
    match last:
        case n.Return(None):
            return _without_last_return(block[:-1])
        case n.If(condition, then, otherwise, span):
            then, otherwise = _without_last_return(then), _without_last_return(otherwise)
            if not then and not otherwise:
                return block[:-1]
            if not then:
                from honey.analysis.code import negate

                return (*block[:-1], n.If(negate(condition), otherwise, (), span))
            return (*block[:-1], n.If(condition, then, otherwise, span))
        case _:
            return block


# ---------------------------------------------------------------- results in the caller's memory


def in_place(body: n.Block, out: n.Local) -> n.Block:
    """``body`` that makes its result where the caller wants it, if all it gives back there is one local of its own.

    The caller's memory is fresh, so that nobody sees it before the function is done.
    """
    results = {node.value for node in walk(body) if isinstance(node, n.Assign) and _is_result(node.place, out)}
    if len(results) != 1:
        return body
    match next(iter(results)):
        case n.Read(n.LocalPlace(local)) if any(isinstance(node, n.Let) and node.local == local for node in walk(body)):
            return rewrite_block(map_blocks(body, lambda block: _stored(block, local, out)), _redirect(local, out))
        case _:
            return body


def _is_result(place: n.Place, out: n.Local) -> bool:
    return isinstance(place, n.DerefPlace) and place.ref == n.Read(n.LocalPlace(out), out.type)


def _stored(block: n.Block, local: n.Local, out: n.Local) -> n.Block:
    """``block`` without the declaration of ``local`` and without its copy into the result."""
    found: list[n.Stmt] = []
    for statement in block:
        match statement:
            case n.Let(declared, value, span) if declared == local:
                if value is not None:
                    found.append(n.Assign(n.LocalPlace(local), value, span))
            case n.Assign(place) if _is_result(place, out):
                continue
            case _:
                found.append(statement)
    return tuple(found)


def _redirect(local: n.Local, out: n.Local) -> Rule:
    type_ = out.type
    assert isinstance(type_, t.Ref)
    target = n.DerefPlace(n.Read(n.LocalPlace(out), type_), type_.target)

    def rule(node: object) -> object:
        return target if isinstance(node, n.LocalPlace) and node.local == local else node

    return rule
