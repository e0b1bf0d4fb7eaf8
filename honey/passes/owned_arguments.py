# SPDX-License-Identifier: Apache-2.0
"""Lets a function change the struct it was given, where its caller made the struct for this call alone.

    def book(key)                                       def book(key)
      copy = *key                                 →       if known, do: key.port = port
      if known, do: copy.port = port                      add(key)
      add(copy)

A struct is passed by reference, and a function that changes its own makes a copy first.

Proof obligation: the copy is the only use of what was passed, made once a call. In every caller the struct is declared
beside the call and used for nothing else, so that nobody sees what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import Node, blocks_of, pick, rewrite_block, uses
from honey.passes.rewriting import CALLS, with_body
from honey.records import replace


def run(program: n.Program) -> n.Program:
    """``program`` without copies of structs that nobody else looks at."""
    for at in range(len(program.functions)):
        for position in range(len(program.functions[at].params)):
            function = program.functions[at]
            copy = _copied(function, function.params[position])
            if copy is not None and _is_made_for_it(program, function.name, position):
                program = _handed_over(program, _owning(function, position, copy), position)
    return program


def _copied(function: n.Function, param: n.Local) -> n.Let | None:
    """The statement that copies what ``param`` refers to, if that is all that is done with it."""
    type_ = param.type
    if function.section is not None or not isinstance(type_, t.Ref) or not isinstance(type_.target, t.Struct):
        return None
    if type_.space is not t.Space.STACK or not type_.readonly or uses(function.body)[param.id] != 1:
        return None
    what = n.DerefPlace(n.Read(n.LocalPlace(param), type_), type_.target)
    wanted = n.Read(what, type_.target)
    return next((one for one in function.body if isinstance(one, n.Let) and one.value == wanted), None)


def _is_made_for_it(program: n.Program, name: str, position: int) -> bool:
    """Whether every call hands over a local that its caller made beside the call and does not use again."""
    called = False
    for caller in program.functions:
        calls = [node for node in pick(caller.body, CALLS) if node.function == name]
        if not calls:
            continue
        used = uses(caller.body)
        made_beside = [
            call
            for block in _blocks(caller.body)
            for call, made in _calls_beside(block, name)
            if (given := _local(call.args[position])) is not None and given in made and used[given.id] == 1
        ]
        if len(made_beside) != len(calls):
            return False
        called = True
    return called


def _calls_beside(block: n.Block, name: str) -> Iterator[tuple[n.Call, set[n.Local]]]:
    """The calls among a block's own statements, each with the locals that the block has declared before it."""
    made: set[n.Local] = set()
    for statement in block:
        effect = statement.effect if isinstance(statement, n.Eval) else getattr(statement, "value", None)
        if isinstance(effect, n.Call) and effect.function == name:
            yield effect, set(made)
        if isinstance(statement, n.Let):
            made.add(statement.local)


def _blocks(block: n.Block) -> Iterator[n.Block]:
    yield block
    for statement in block:
        for inner in blocks_of(statement):
            yield from _blocks(inner)


def _local(arg: n.Expr) -> n.Local | None:
    """The local whose address ``arg`` is."""
    match arg:
        case n.AddressOf(n.LocalPlace(local)):
            return local
        case _:
            return None


def _owning(function: n.Function, position: int, copy: n.Let) -> n.Function:
    """``function`` working on what it was given instead of on ``copy``."""
    old = function.params[position]
    assert isinstance(old.type, t.Ref)
    new = n.Local(old.id, old.name, replace(old.type, readonly=False))
    place = n.DerefPlace(n.Read(n.LocalPlace(new), new.type), old.type.target)
    rest = tuple(one for one in function.body if one is not copy)
    body = rewrite_block(rest, lambda node: place if node == n.LocalPlace(copy.local) else node)
    return replace(function, params=(*function.params[:position], new, *function.params[position + 1 :]), body=body)


def _handed_over(program: n.Program, owning: n.Function, position: int) -> n.Program:
    """``program`` with ``owning`` in place of the function that made a copy, and calls that let it write."""
    target = owning.params[position].type

    def rule(node: Node) -> Node:
        if not isinstance(node, n.Call) or node.function != owning.name:
            return node
        given = node.args[position]
        assert isinstance(given, n.AddressOf)
        return replace(node, args=(*node.args[:position], replace(given, type=target), *node.args[position + 1 :]))

    functions = (owning if one.name == owning.name else one for one in program.functions)
    return replace(program, functions=tuple(with_body(one, rewrite_block(one.body, rule, CALLS)) for one in functions))
