# SPDX-License-Identifier: Apache-2.0
"""Reads each field of a handler's context once, into a local.

This is no optimisation but a need of the verifier: a relocated field that is read twice has its address computed once
by clang, and "dereference of modified ctx ptr" is refused. So it runs before all passes, and always.

The record that a tracepoint hands over does not change while its program runs. Contexts with pointers to packet bytes
do (``bpf_xdp_adjust_head``), and have no relocated fields; those are left alone.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import blocks_of, next_local_id, own_nodes, rewrite, walk
from honey.records import replace

_SCALARS = (t.Int, t.Bool, t.Address)


def run(program: n.Program) -> n.Program:
    """``program`` with every relocated context field read once a function."""
    functions = tuple(_function(function) for function in program.functions)
    if all(new is old for new, old in zip(functions, program.functions, strict=True)):
        return program
    return replace(program, functions=functions)


def _function(function: n.Function) -> n.Function:
    counts: dict[n.Read, int] = {}
    for node in walk(function.body):
        if isinstance(node, n.Read) and isinstance(node.type, _SCALARS) and _in_context(node.place):
            counts[node] = counts.get(node, 0) + 1
    body = function.body
    number = next_local_id(function)
    for read, count in counts.items():
        if count > 1:
            local = n.Local(number, argument_name(function, read.place), read.type)
            body = _hoisted(body, read, local)
            number += 1
    return function if body is function.body else replace(function, body=body)


def _in_context(place: n.Place) -> bool:
    """Whether a place is in a relocated context, and found by constants only."""
    while isinstance(place, n.FieldPlace | n.IndexPlace):
        if isinstance(place, n.IndexPlace) and not isinstance(place.index, n.Const):
            return False
        place = place.base
    if not isinstance(place, n.DerefPlace):
        return False
    type_ = place.ref.type
    if not isinstance(type_, t.Ref) or type_.space is not t.Space.CONTEXT or not isinstance(place.ref, n.Read):
        return False
    return isinstance(type_.target, t.Struct) and type_.target.kernel


def argument_name(function: n.Function, place: n.Place) -> str:
    """What to call a local that holds a field of the handler's context: as the system call names its argument."""
    from honey.kernel import syscalls

    target = function.section.target if function.section is not None else ""
    if (
        isinstance(place, n.IndexPlace)
        and isinstance(place.index, n.Const)
        and target.startswith("syscalls/sys_enter_")
    ):
        syscall = syscalls.signature(target.removeprefix("syscalls/"))
        for argument in syscall.arguments if syscall is not None else ():
            if argument.index == place.index.value:
                return argument.name
    return _name(place)


def _name(place: n.Place) -> str:
    while isinstance(place, n.IndexPlace):
        index = place.index
        number = str(index.value) if isinstance(index, n.Const) else ""
        return (place.base.field.rstrip("s") if isinstance(place.base, n.FieldPlace) else "arg") + number
    return place.field.rpartition(".")[2] if isinstance(place, n.FieldPlace) else "value"


def _hoisted(block: n.Block, read: n.Read, local: n.Local) -> n.Block:
    """``block`` with the read done before the first statement that needs it, in the innermost block that holds all."""
    users = [index for index, statement in enumerate(block) if _reads(statement, read)]
    if len(users) == 1:
        statement = block[users[0]]
        inside = [inner for inner in blocks_of(statement) if any(_reads(one, read) for one in inner)]
        if len(inside) == 1 and not any(node == read for node in own_nodes(statement)):
            changed = _with_block(statement, inside[0], _hoisted(inside[0], read, local))
            return (*block[: users[0]], changed, *block[users[0] + 1 :])
    first = users[0]
    value = n.Read(n.LocalPlace(local), local.type)
    let = n.Let(local, read, block[first].span)
    rest = tuple(rewrite(statement, lambda node: value if node == read else node) for statement in block[first:])
    return (*block[:first], let, *rest)


def _reads(statement: n.Stmt, read: n.Read) -> bool:
    return any(node == read for node in walk(statement))


def _with_block(statement: n.Stmt, old: n.Block, new: n.Block) -> n.Stmt:
    match statement:
        case n.If(condition, then, otherwise, span):
            return n.If(condition, new if then is old else then, new if otherwise is old else otherwise, span)
        case n.For():
            return replace(statement, body=new)
        case _:
            raise AssertionError(f"{type(statement).__name__} has no blocks")
