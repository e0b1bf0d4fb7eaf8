# SPDX-License-Identifier: Apache-2.0
"""Drops results that no caller looks at.

| result | becomes |
|---|---|
| what a function returns, where every call is for its effect | nothing: the function returns no value |
| a number stored through a parameter, where no caller reads it | nothing, and no parameter |

Proof obligation: no call of the function reads the result; what was computed for it has no effect, or stays for its
effect alone.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import Node, children, map_blocks, rewrite_block, uses, walk
from honey.passes.references import calls_of
from honey.passes.rewriting import CALLS
from honey.records import replace


def run(program: n.Program) -> n.Program:
    """``program`` without results that nobody wants."""
    calls = calls_of(program)
    for function in program.functions:
        if function.section is None and calls.get(function.name):
            program = _without_value(program, function.name)
            for position in reversed(range(len(function.params))):
                program = _without_parameter(program, function.name, position)
    return program


def _named(program: n.Program, name: str) -> n.Function:
    return next(function for function in program.functions if function.name == name)


# ---------------------------------------------------------------- returned values


def _without_value(program: n.Program, name: str) -> n.Program:
    function = _named(program, name)
    if isinstance(function.result, t.Void) or not _only_evaluated(program, name):
        return program

    def rule(node: Node) -> object:
        if isinstance(node, n.Call) and node.function == name:
            return replace(node, type=t.VOID)
        return node

    functions = []
    for one in program.functions:
        body = rewrite_block(one.body, rule, CALLS)
        if one.name == name:
            functions.append(replace(one, result=t.VOID, body=rewrite_block(body, _return_nothing)))
        else:
            functions.append(one if body is one.body else replace(one, body=body))
    return replace(program, functions=tuple(functions))


def _only_evaluated(program: n.Program, name: str) -> bool:
    for function in program.functions:
        for node in walk(function.body):
            if isinstance(node, (n.Let, n.Assign)) and isinstance(node.value, n.Call) and node.value.function == name:
                return False
    return True


def _return_nothing(node: Node) -> object:
    return n.Return(None, node.span) if isinstance(node, n.Return) else node


# ---------------------------------------------------------------- results through parameters


def _without_parameter(program: n.Program, name: str, position: int) -> n.Program:
    function = _named(program, name)
    param = function.params[position]
    if not _only_stored_through(function, param):
        return program
    if not all(_is_forgotten(caller, call.args[position]) for caller, call in calls_of(program)[name]):
        return program
    target = n.DerefPlace(n.Read(n.LocalPlace(param), param.type), _target(param.type))

    def rule(node: Node) -> object:
        if isinstance(node, n.Call) and node.function == name:
            return replace(node, args=(*node.args[:position], *node.args[position + 1 :]))
        return node

    functions = []
    for one in program.functions:
        body = rewrite_block(one.body, rule, CALLS)
        if one.name == name:
            params = (*one.params[:position], *one.params[position + 1 :])
            functions.append(replace(one, params=params, body=_without_stores(body, target)))
        else:
            functions.append(one if body is one.body else replace(one, body=body))
    return replace(program, functions=tuple(functions))


def _target(type_: t.Type) -> t.Type:
    return type_.target if isinstance(type_, t.Ref) else t.VOID


def _only_stored_through(function: n.Function, param: n.Local) -> bool:
    """Whether all that a function does with a parameter is to store a number where it points."""
    if not isinstance(param.type, t.Ref) or param.type.readonly or not isinstance(param.type.target, (t.Int, t.Bool)):
        return False
    reading = n.Read(n.LocalPlace(param), param.type)
    target = n.DerefPlace(reading, param.type.target)
    allowed: tuple[object, ...] = (reading, target)
    for node in walk(function.body):
        for child in children(node):
            if child == target and not (isinstance(node, n.Assign) and node.place == target):
                return False
            if child == reading and node != target:
                return False
            if child == n.LocalPlace(param) and node not in allowed:
                return False
    return True


def _is_forgotten(caller: n.Function, arg: n.Expr) -> bool:
    """Whether ``arg`` is the address of a local that is used for nothing but such addresses."""
    match arg:
        case n.AddressOf(n.LocalPlace(local)):
            addresses = sum(
                other == arg for node in walk(caller.body) if isinstance(node, n.Call) for other in node.args
            )
            return uses(caller.body)[local.id] == addresses == 1
        case _:
            return False


def _without_stores(block: n.Block, target: n.DerefPlace) -> n.Block:
    def rule(inner: n.Block) -> n.Block:
        out: list[n.Stmt] = []
        for statement in inner:
            if isinstance(statement, n.Assign) and statement.place == target:
                if isinstance(statement.value, n.Effect):
                    out.append(n.Eval(statement.value, statement.span))
            else:
                out.append(statement)
        return tuple(out)

    return map_blocks(block, rule)
