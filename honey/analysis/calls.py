# SPDX-License-Identifier: Apache-2.0
"""Calls: own functions, constructs that look like calls, and the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import conditions, flow, functions
from honey.analysis.control import CONSTRUCTS
from honey.analysis.module import read_alias
from honey.analysis.values import NIL, BoolValue, NeverValue, Value
from honey.library import BARE, find, names_of
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def _for(fl: Lowering, node: ast.Call, sink: flow.Sink) -> None:
    from honey.analysis import loops

    loops.for_(fl, node, sink)


CONSTRUCTS["for"] = _for

_MOST_FUEL = 64


def is_known(fl: Lowering, node: ast.Call) -> bool:
    """Whether a name without parentheses can be a call."""
    if (node.name, 0) in fl.unit.module.functions:
        return True
    return any(find(module, node.name, 0) is not None for module in (*BARE, *fl.unit.module.imports))


def call(fl: Lowering, node: ast.Call, name: str) -> Value:
    """A call; control constructs have their value."""
    if node.target is None:
        return _local(fl, node, name)
    if isinstance(node.target, ast.Alias):
        module = fl.unit.aliases.expand(node.target.parts)
        if module == fl.unit.module.name:
            return _own(fl, node, name)
        return _remote(fl, module, node, name)
    if isinstance(node.target, ast.Var) and node.target.name == "__MODULE__":
        return _own(fl, node, name)
    from honey.analysis import unknown

    raise unknown.called_value(fl, node)


def _local(fl: Lowering, node: ast.Call, name: str) -> Value:
    if (node.name, len(node.args)) in fl.unit.module.functions:
        return _own(fl, node, name)
    if (node.name, len(node.args)) in fl.unit.module.guards:
        return BoolValue(conditions.condition(fl, node).expr)
    if node.name in CONSTRUCTS:
        return flow.construct(fl, node, name)
    if node.name == "fuel":
        return _fuel(fl, node, name)
    if node.name in ("alias", "import", "require"):
        return _directive(fl, node)
    arity = len(node.args)
    for module in (*BARE, *fl.unit.module.imports):
        handler = find(module, node.name, arity)
        if handler is not None:
            return handler(fl, node, name)
    from honey.analysis import unknown

    raise unknown.local(fl, node)


def _directive(fl: Lowering, node: ast.Call) -> Value:
    """``alias`` inside a function holds to its end; what is imported is known anyway."""
    if node.name == "alias":
        fl.unit.aliases = fl.unit.aliases.copy()
        read_alias(fl.unit.aliases, node, fl.report)
    elif not node.args or not isinstance(node.args[0], ast.Alias):
        raise fl.mistake("HNY0103", f"`{node.name}` takes the name of a module", node.span)
    return NIL


def _own(fl: Lowering, node: ast.Call, name: str) -> Value:
    declared = fl.unit.module.functions.get((node.name, len(node.args)))
    if declared is None:
        from honey.analysis import unknown

        raise unknown.local(fl, node)
    return functions.call(fl, declared, node.args, node.span, name)


def _remote(fl: Lowering, module: str, node: ast.Call, name: str) -> Value:
    handler = find(module, node.name, len(node.args))
    if handler is not None:
        return handler(fl, node, name)
    known = names_of(module)
    from honey.analysis import unknown

    raise unknown.member(fl, module, node, known) if known else unknown.module(fl, module, node)


def _fuel(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``fuel(n, call)``: a call that may call itself, ``n`` deep at most."""
    amount = fl.settled(fl.value(node.args[0])) if len(node.args) == 2 else NeverValue()
    call_ = node.args[1] if len(node.args) == 2 else None
    constant = fl.constant(amount)
    declared = (
        fl.unit.module.functions.get((call_.name, len(call_.args)))
        if isinstance(call_, ast.Call) and call_.target is None
        else None
    )
    if constant is None or not 1 <= constant <= _MOST_FUEL or declared is None or not isinstance(call_, ast.Call):
        raise fl.mistake(
            "HNY0610",
            f"`fuel` takes a constant from 1 to {_MOST_FUEL} and a call of a function of this module",
            node.span,
            help="write `fuel(8, fact(x))`",
        )
    result = functions.call(fl, declared, call_.args, call_.span, name, constant)
    if isinstance(result, NeverValue):
        raise fl.mistake(
            "HNY0602",
            f"{declared.name} never ends: it calls itself again on every path, until the fuel is spent",
            node.span,
            help="give it a clause that does not call it",
        )
    return result
