# SPDX-License-Identifier: Apache-2.0
"""Hands a key over where it lies in memory, where a function only points helpers at it.

    book(key.protocol)                                  book(&key.protocol)
    def book(protocol: u8)                          →   def book(protocol: &u8)
      lookup(totals, protocol)                            lookup(totals, *protocol)

By value, the number is loaded from the caller's struct, passed, and stored again for the helper to read.

Proof obligation: the function only uses the parameter as a key or a value of a map; it writes neither memory of its
callers nor through other references into the stack, so that what lies there stays the same during the call; every call
has a place in memory to point at that holds the number.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Writes
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, pick, rewrite_block, root_place, uses
from honey.passes.references import Origins
from honey.passes.rewriting import CALLS
from honey.records import replace

_STORED = {n.MapLookup: ("key",), n.MapUpdate: ("key", "value"), n.MapDelete: ("key",)}
_STORING = frozenset(_STORED)


def run(program: n.Program) -> n.Program:
    """``program`` with keys handed over by reference."""
    for function in program.functions:
        if function.section is None:
            for position in range(len(function.params)):
                program = _try(program, function.name, position)
    return program


def _try(program: n.Program, name: str, position: int) -> n.Program:
    symbols = Symbols.of(program)
    function = symbols.functions[name]
    param = function.params[position]
    if not isinstance(param.type, t.Int) or not only_stored(function, param) or _writes_stack(function, symbols):
        return program
    calls = Origins(program, symbols).calls().get(name, [])
    places = {id(call): _memory_of(call.args[position], symbols) for _, call in calls}
    if not calls or any(place is None for place in places.values()):
        return program
    target = t.Ref(param.type, t.Space.STACK, readonly=True)

    functions = []
    for one in program.functions:
        body = _with_references(one.body, places, position, target)
        changed = one if body is one.body else replace(one, body=body)
        functions.append(_taking_reference(changed, position, target) if one.name == name else changed)
    return replace(program, functions=tuple(functions))


def only_stored(function: n.Function, param: n.Local) -> bool:
    """Whether a function uses a parameter for nothing but keys and values of maps."""
    reading = n.Read(n.LocalPlace(param), param.type)
    stored = [getattr(node, name) for node in pick(function.body, _STORING) for name in _STORED[type(node)]]
    return 0 < stored.count(reading) == uses(function.body)[param.id]


def _writes_stack(function: n.Function, symbols: Symbols) -> bool:
    """Whether the function may write memory of its callers' frames."""
    if any(
        isinstance(p.type, t.Ref) and p.type.space is t.Space.STACK and not p.type.readonly for p in function.params
    ):
        return True
    return t.Space.STACK in Writes(symbols).of(function.body).spaces


def _memory_of(arg: n.Expr, symbols: Symbols) -> n.Place | None:
    """The place in the caller's own memory that ``arg`` is read from."""
    if not isinstance(arg, n.Read) or symbols.in_bits(arg.place):
        return None
    root = root_place(arg.place)
    if isinstance(root, n.DerefPlace):
        space = root.ref.type.space if isinstance(root.ref.type, t.Ref) else None
        return arg.place if space is t.Space.STACK else None
    assert isinstance(root, n.LocalPlace)
    return arg.place if isinstance(arg.place, (n.FieldPlace, n.IndexPlace)) else None


def _with_references(block: n.Block, places: dict[int, n.Place | None], position: int, target: t.Ref) -> n.Block:
    def rule(node: Node) -> Node:
        place = places.get(id(node))
        if not isinstance(node, n.Call) or place is None:
            return node
        arg = n.AddressOf(place, target)
        return replace(node, args=(*node.args[:position], arg, *node.args[position + 1 :]))

    return rewrite_block(block, rule, CALLS)


def _taking_reference(function: n.Function, position: int, target: t.Ref) -> n.Function:
    old = function.params[position]
    new = n.Local(old.id, old.name, target)
    through = n.DerefPlace(n.Read(n.LocalPlace(new), target), target.target)

    def rule(node: Node) -> Node:
        return through if type(node) is n.LocalPlace and node.local == old else node

    params = (*function.params[:position], new, *function.params[position + 1 :])
    return replace(function, params=params, body=rewrite_block(function.body, rule))
