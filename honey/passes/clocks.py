# SPDX-License-Identifier: Apache-2.0
"""Which clock readings are nothing but time stamps, so that one may stand for several."""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.footprint import CLOCKS
from honey.ir.symbols import Symbols
from honey.ir.walk import Node, children, pick, uses

_STORING = frozenset((n.StructValue, n.Assign, n.Let, n.MapUpdate, n.Call))


def clock_of(statement: n.Stmt) -> str | None:
    """The clock that a declaration reads."""
    match statement:
        case n.Let(_, n.HelperCall(name)) if name in CLOCKS:
            return name
        case _:
            return None


def is_stamp(function: n.Function, local: n.Local, symbols: Symbols) -> bool:
    """Whether the value of ``local`` is only ever stored: into a place, a struct, a map, by this function or a callee.

    A reading that is compared or computed with measures time, and two of those must stay two.
    """
    return _only_stored(function, local, symbols, set())


def _only_stored(function: n.Function, local: n.Local, symbols: Symbols, seen: set[tuple[str, int]]) -> bool:
    if (function.name, local.id) in seen:
        return True
    seen.add((function.name, local.id))
    reading = n.Read(n.LocalPlace(local), local.type)
    stored = 0
    for node in pick(function.body, _STORING):
        held = children(node).count(reading)
        if held and not _stores(function, node, reading, symbols, seen):
            return False
        stored += held
    return stored == uses(function.body)[local.id]


def _stores(function: n.Function, node: Node, reading: n.Read, symbols: Symbols, seen: set[tuple[str, int]]) -> bool:
    match node:
        case n.StructValue() | n.Assign():
            return True
        case n.Let(local):
            return _only_stored(function, local, symbols, seen)
        case n.MapUpdate(_, key):
            return key != reading
        case n.Call(name, args):
            callee = symbols.functions[name]
            taken = [param for param, arg in zip(callee.params, args, strict=True) if arg == reading]
            return all(_only_stored(callee, param, symbols, seen) for param in taken)
        case _:
            return False
