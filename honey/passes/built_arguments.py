# SPDX-License-Identifier: Apache-2.0
"""Makes a struct in the function that changes it, where the caller made it for this call alone.

    key = %key{pid: pid, kind: UDP}                   book(pid, UDP, address)
    book(&key, address)
                                                →     def book(pid, kind, address)
    def book(key: &key, address)                        key = %key{pid: pid, kind: kind}
      key.port = port(address)                          key.port = port(address)

The struct takes stack from where it is made. Made late, it can lie where the caller had something that is done with.

Proof obligation: the function is inlined, so that more arguments cost nothing. It uses the reference for nothing but
the struct behind it, and gives no reference into the stack back. In every caller the struct is a literal that this call
alone uses, with the same fields set; what they are set to is computed from constants and locals that never change, so
that it is the same at the call. There is no loop between literal and call, which would go on with a changed struct.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Writes
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, blocks_of, map_blocks, next_local_id, pick, rewrite_block, uses, walk
from honey.passes.rewriting import CALLS, LETS, effect_of, with_body
from honey.records import replace

MOST_ARGUMENTS = 8
"""With more, a function would be hard to read."""

_COMPUTING = (n.Const, n.Read, n.LocalPlace, n.Unary, n.Binary, n.Cast, n.ByteSwap, n.Select, n.IsNull)
_NUMBERS = (t.Int, t.Bool, t.Address)
_DEREFS = frozenset((n.DerefPlace,))

Fields = tuple[tuple[str, t.Type], ...]
"""Names and types of what a literal sets, in its order."""
Literals = dict[int, n.StructValue]
"""What a function's calls are handed, by the id of the local that holds it."""


def run(program: n.Program) -> n.Program:
    """``program`` with structs made where they are changed."""
    # Callers come after what they call. They go first: what they were handed and now make, they may make for a call.
    for function in reversed(program.functions):
        if function.section is None and function.inline is n.Inline.ALWAYS:
            for param in function.params:
                program = _try(program, function.name, param)
    return program


def _try(program: n.Program, name: str, param: n.Local) -> n.Program:
    type_ = param.type
    if not isinstance(type_, t.Ref) or not isinstance(type_.target, t.Struct):
        return program
    if type_.space is not t.Space.STACK or type_.readonly:
        return program
    symbols = Symbols.of(program)
    function = symbols.functions[name]
    own = n.Local(next_local_id(function), param.name, type_.target)
    body = _working_on(own, function, param)
    if body is None or own.id not in Writes(symbols).of(body).locals:
        return program
    position = function.params.index(param)
    literals = _handed(program, name, position)
    fields = _fields([value for of_caller in literals.values() for value in of_caller.values()], symbols)
    if fields is None or len(function.params) - 1 + len(fields) > MOST_ARGUMENTS:
        return program
    making = _making(replace(function, body=body), position, own, fields)
    callers = (_handing(one, name, position, fields, literals.get(one.name, {})) for one in program.functions)
    return replace(program, functions=tuple(making if one is function else one for one in callers))


def _working_on(own: n.Local, function: n.Function, param: n.Local) -> n.Block | None:
    """The function's body with ``own`` in place of what ``param`` refers to; ``None`` if it needs the reference."""
    if isinstance(function.result, t.Ref) and function.result.space is t.Space.STACK:
        return None
    behind = n.DerefPlace(n.Read(n.LocalPlace(param), param.type), own.type)
    place = n.LocalPlace(own)
    body = rewrite_block(function.body, lambda node: place if node == behind else node, _DEREFS)
    return None if uses(body)[param.id] else body


def _handed(program: n.Program, name: str, position: int) -> dict[str, Literals]:
    """The literals that the function's callers make for it alone, by caller; none at all if one hands over more."""
    found: dict[str, Literals] = {}
    for caller in program.functions:
        calls = list(_calls(caller.body, name, {}))
        if not calls:
            continue
        count, changing = uses(caller.body), _changing(caller)
        for call, made in calls:
            local = _local(call.args[position])
            value = made.get(local.id) if local is not None and count[local.id] == 1 else None
            if caller.name == name or local is None or value is None or not _stays(value, changing):
                return {}
            found.setdefault(caller.name, {})[local.id] = value
    return found


def _calls(block: n.Block, name: str, made: Mapping[int, n.StructValue]) -> Iterator[tuple[n.Call, Literals]]:
    """The calls of a function, each with the literals that are made again whenever it is made again."""
    literals = dict(made)
    for statement in block:
        effect = effect_of(statement)
        if isinstance(effect, n.Call) and effect.function == name:
            yield effect, literals
        if isinstance(statement, n.Let) and isinstance(effect, n.StructValue):
            literals[statement.local.id] = effect
        for inner in blocks_of(statement):
            yield from _calls(inner, name, {} if isinstance(statement, n.For) else literals)


def _local(arg: n.Expr) -> n.Local | None:
    """The local whose address ``arg`` is."""
    while isinstance(arg, n.Cast):
        arg = arg.operand
    match arg:
        case n.AddressOf(n.LocalPlace(local)):
            return local
        case _:
            return None


def _changing(function: n.Function) -> frozenset[int]:
    """The locals that are given a value after they were declared."""
    return locals_written(function.body) | {let.local.id for let in pick(function.body, LETS) if let.value is None}


def _stays(value: n.StructValue, changing: frozenset[int]) -> bool:
    """Whether the fields are computed from nothing but constants and locals that never change."""
    nodes = [node for _, inner in value.fields for node in walk(inner)]
    return all(isinstance(node, _COMPUTING) for node in nodes) and not changing & {
        node.local.id for node in nodes if isinstance(node, n.LocalPlace)
    }


def _fields(literals: Sequence[n.StructValue], symbols: Symbols) -> Fields | None:
    """The fields that every literal sets; ``None`` if others set others, or they are not plain numbers side by side."""
    if len({frozenset((name, value.type) for name, value in literal.fields) for literal in literals}) != 1:
        return None
    fields = tuple((name, value.type) for name, value in literals[0].fields)
    end = 0
    for offset, size in sorted(_extent(literals[0].type, *field, symbols) for field in fields):
        if size == 0 or offset < end:
            return None
        end = offset + size
    return fields


def _extent(struct: t.Type, name: str, type_: t.Type, symbols: Symbols) -> tuple[int, int]:
    """Where a field lies: its offset and its size, which is 0 for all but whole numbers and addresses."""
    path, element = symbols.fields(struct, name), symbols.element(struct, name)
    plain = path is not None and not path[-1].bit_size and isinstance(type_, _NUMBERS)
    return (element[0], type_.size) if plain and element is not None else (0, 0)


def _making(function: n.Function, position: int, own: n.Local, fields: Fields) -> n.Function:
    """``function`` with the struct ``own``, made of parameters that stand where the reference to it stood."""
    params = tuple(
        n.Local(id_, name.rpartition(".")[2], type_) for id_, (name, type_) in enumerate(fields, start=own.id + 1)
    )
    values = (n.Read(n.LocalPlace(param), param.type) for param in params)
    made = n.StructValue(tuple(zip((name for name, _ in fields), values, strict=True)), own.type)
    span = function.body[0].span if function.body else function.span
    return replace(
        function,
        params=(*function.params[:position], *params, *function.params[position + 1 :]),
        body=(n.Let(own, made, span), *function.body),
    )


def _handing(caller: n.Function, name: str, position: int, fields: Fields, literals: Literals) -> n.Function:
    """``caller`` handing over the values of ``fields`` in place of structs that it no longer makes."""
    if not literals:
        return caller

    def handing(node: Node) -> Node:
        local = _local(node.args[position]) if isinstance(node, n.Call) and node.function == name else None
        if not isinstance(node, n.Call) or local is None:
            return node
        values = dict(literals[local.id].fields)
        given = (values[field] for field, _ in fields)
        return replace(node, args=(*node.args[:position], *given, *node.args[position + 1 :]))

    def without(block: n.Block) -> n.Block:
        kept = tuple(one for one in block if not (isinstance(one, n.Let) and one.local.id in literals))
        return block if len(kept) == len(block) else kept

    return with_body(caller, map_blocks(rewrite_block(caller.body, handing, CALLS), without))
