# SPDX-License-Identifier: Apache-2.0
"""Calls: own functions, constructs that look like calls, and the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.analysis import conditions, flow, functions
from honey.analysis.control import CONSTRUCTS
from honey.analysis.errors import suggestion
from honey.analysis.module import read_alias
from honey.analysis.values import NIL, BoolValue, NeverValue, Value
from honey.library import find, modules, names_of
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def _for(fl: Lowering, node: ast.Call, sink: flow.Sink) -> None:
    from honey.analysis import loops

    loops.for_(fl, node, sink)


CONSTRUCTS["for"] = _for

BARE = ("Kernel", "Honey.BpfHelpers", "Bitwise")
"""Modules whose functions need no name of a module in front."""

_MOST_FUEL = 64

_RECORDS = "tell user space through a map or a ring buffer"
_LEAVING = "test what may fail, and leave with `return(value)`"

_NEVER_IN_EBPF: dict[str, str | None] = {
    **dict.fromkeys(("receive", "spawn", "send", "self"), f"eBPF has no processes: {_RECORDS}"),
    **dict.fromkeys(("try", "throw", "exit"), f"no exception can be caught: {_LEAVING}"),
    "while": "write `for i <- 0..99 do ... end`, and leave with `return(value)`",
    **dict.fromkeys(("quote", "unquote", "apply", "super")),
}
"""What eBPF has not: processes, exceptions that are caught, code that makes code; with what to do in their place."""


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
    raise fl.mistake("HNY0107", "a function is called by its module's name", node.span)


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
    raise _unknown(fl, node)


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
        raise _unknown(fl, node)
    return functions.call(fl, declared, node.args, node.span, name)


def _remote(fl: Lowering, module: str, node: ast.Call, name: str) -> Value:
    handler = find(module, node.name, len(node.args))
    if handler is not None:
        return handler(fl, node, name)
    known = names_of(module)
    if not known:
        raise fl.mistake(
            "HNY0103",
            f"there is no module {module} here",
            node.target.span if node.target is not None else node.span,
            help=suggestion(module, modules())
            or "Honey's modules are BpfHelpers, Net, Map, Packet, Ring, Ethhdr and XDP; of Elixir's: Bitwise, Enum,"
            " Integer, IO, Kernel, Keyword, List, Logger, Map, String",
        )
    arities = sorted({arity for called, arity in known if called == node.name})
    if arities:
        raise fl.mistake(
            "HNY0604",
            f"{module}.{node.name} takes {' or '.join(map(str, arities))} arguments, not {len(node.args)}",
            node.span,
        )
    raise fl.mistake(
        "HNY0102",
        f"{module} has no function {node.name}",
        node.name_span,
        help=suggestion(node.name, (called for called, _ in known)) or _all_of(module, known),
    )


def _all_of(module: str, known: Sequence[tuple[str, int]]) -> str | None:
    """The functions of one of Elixir's modules, of which there are few here."""
    if module.startswith("Honey."):
        return None
    return f"of {module} there are {', '.join(dict.fromkeys(called for called, _ in known))}"


def _unknown(fl: Lowering, node: ast.Call) -> Exception:
    if node.do_block is not None or node.name in _NEVER_IN_EBPF:
        help = _NEVER_IN_EBPF.get(node.name)
        return fl.mistake("HNY0107", f"`{node.name}` cannot be compiled to eBPF", node.name_span, help=help)
    arities = {arity for name, arity in fl.unit.module.functions if name == node.name}
    arities |= {arity for module in BARE for name, arity in names_of(module) if name == node.name}
    if arities:
        wanted = " or ".join(map(str, sorted(arities)))
        return fl.mistake("HNY0604", f"{node.name} takes {wanted} arguments, not {len(node.args)}", node.span)
    known = [name for name, _ in fl.unit.module.functions]
    known += [name for module in BARE for name, _ in names_of(module)]
    return fl.mistake(
        "HNY0102",
        f"there is no function {node.name}/{len(node.args)}",
        node.name_span,
        help=suggestion(node.name, known),
    )


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
