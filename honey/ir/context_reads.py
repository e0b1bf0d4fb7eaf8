# SPDX-License-Identifier: Apache-2.0
"""Reads each field of a handler's context once, into a local, and copies arrays that are indexed by a variable.

This is no optimisation but a need of the verifier: it takes loads from a context at constant offsets only, and not from
an address that was computed before ("dereference of modified ctx ptr"), as clang does for a relocated field that is
read twice. So it runs before all passes, and always; after them arrays are looked at again.

The record that a tracepoint hands over does not change while its program runs, nor does an array in any context.
Numbers in contexts with pointers to packet bytes do (``bpf_skb_change_tail``); they are not relocated, and left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeGuard

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import Node, blocks_of, next_local_id, own_nodes, rewrite, root_place, walk
from honey.records import replace

_SCALARS = (t.Int, t.Bool, t.Address)


def run(program: n.Program) -> n.Program:
    """``program`` with every relocated context field read once a function, and by constant indices only."""
    return _each(copy_indexed(program), _read_once)


def copy_indexed(program: n.Program) -> n.Program:
    """``program`` with a copy of every array in a context that is indexed by a variable."""
    return _each(program, _with_copies)


def _each(program: n.Program, rule: Callable[[n.Function], n.Function]) -> n.Program:
    functions = tuple(rule(function) for function in program.functions)
    if all(new is old for new, old in zip(functions, program.functions, strict=True)):
        return program
    return replace(program, functions=functions)


def in_context(place: n.Place) -> bool:
    """Whether a place is a part of a handler's context."""
    root = root_place(place)
    return (
        isinstance(root, n.DerefPlace) and isinstance(root.ref.type, t.Ref) and root.ref.type.space is t.Space.CONTEXT
    )


def copied(function: n.Function) -> tuple[n.Place, ...]:
    """The arrays of the context that ``function`` indexes by a variable: there will be a copy of each."""
    arrays = [node.base for node in walk(function.body) if _by_variable(node)]
    return tuple(dict.fromkeys(arrays))


def _by_variable(node: Node) -> TypeGuard[n.IndexPlace]:
    return isinstance(node, n.IndexPlace) and not isinstance(node.index, n.Const) and _context(node.base) is not None


def _with_copies(function: n.Function) -> n.Function:
    arrays = copied(function)
    body = function.body
    for number, array in enumerate(arrays, next_local_id(function) if arrays else 0):
        local = n.Local(number, _name(array), array.type)
        copy = n.LocalPlace(local)

        def element(node: Node, array: n.Place = array, copy: n.Place = copy) -> Node | None:
            return replace(node, base=copy) if _by_variable(node) and node.base == array else None

        body = _hoisted(body, n.Let(local, n.Read(array, array.type)), element)
    return replace(function, body=body) if arrays else function


def _read_once(function: n.Function) -> n.Function:
    counts: dict[n.Read, int] = {}
    for node in walk(function.body):
        if isinstance(node, n.Read) and isinstance(node.type, _SCALARS) and _relocated(node.place):
            counts[node] = counts.get(node, 0) + 1
    body = function.body
    number = next_local_id(function)
    for read, count in counts.items():
        if count > 1:
            local = n.Local(number, argument_name(function, read.place), read.type)
            value = n.Read(n.LocalPlace(local), local.type)

            def known(node: Node, read: n.Read = read, value: n.Read = value) -> Node | None:
                return value if node == read else None

            body = _hoisted(body, n.Let(local, read), known)
            number += 1
    return function if body is function.body else replace(function, body=body)


def _relocated(place: n.Place) -> bool:
    """Whether a place is in a relocated context, and found by constants only."""
    type_ = _context(place)
    return isinstance(type_, t.Struct) and type_.kernel


def _context(place: n.Place) -> t.Type | None:
    """The type of the context that a place is in, if it is in one, and found by constants only."""
    while isinstance(place, n.FieldPlace | n.IndexPlace):
        if isinstance(place, n.IndexPlace) and not isinstance(place.index, n.Const):
            return None
        place = place.base
    if not isinstance(place, n.DerefPlace) or not isinstance(place.ref, n.Read):
        return None
    type_ = place.ref.type
    return type_.target if isinstance(type_, t.Ref) and type_.space is t.Space.CONTEXT else None


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


def _hoisted(block: n.Block, let: n.Let, rule: Callable[[Node], Node | None]) -> n.Block:
    """``block`` with ``let`` before the first statement that needs it, in the innermost block that holds all.

    ``rule`` gives what stands for a node then, or ``None`` for one that does not change.
    """
    users = [index for index, statement in enumerate(block) if _affects(rule, walk(statement))]
    if len(users) == 1:
        statement = block[users[0]]
        inside = [inner for inner in blocks_of(statement) if _affects(rule, walk(inner))]
        if len(inside) == 1 and not _affects(rule, own_nodes(statement)):
            changed = _with_block(statement, inside[0], _hoisted(inside[0], let, rule))
            return (*block[: users[0]], changed, *block[users[0] + 1 :])
    first = users[0]
    rest = tuple(rewrite(statement, lambda node: rule(node) or node) for statement in block[first:])
    return (*block[:first], replace(let, span=block[first].span), *rest)


def _affects(rule: Callable[[Node], Node | None], nodes: Iterable[Node]) -> bool:
    return any(rule(node) is not None for node in nodes)


def _with_block(statement: n.Stmt, old: n.Block, new: n.Block) -> n.Stmt:
    match statement:
        case n.If(condition, then, otherwise, span):
            return n.If(condition, new if then is old else then, new if otherwise is old else otherwise, span)
        case n.For() | n.Scope():
            return replace(statement, body=new)
        case _:
            raise AssertionError(f"{type(statement).__name__} has no blocks")
