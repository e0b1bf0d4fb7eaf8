# SPDX-License-Identifier: Apache-2.0
"""The errors for what is no declaration, or uses a module that has none to offer; warnings of what has no effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from honey.analysis import foreign
from honey.analysis.errors import Mistake, shown, suggestion
from honey.analysis.syntax_tree import unread_attributes
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.module import Module

_STATEMENTS = "statements belong into a `def`"
_FUNCTION = "a function is declared with `def name(x) do`"


def mistake(module: Module, node: ast.Node, known: Iterable[str]) -> Mistake:
    """What stands between the declarations of a module and is none."""
    message, span, help = "this has no meaning between the declarations of a module", node.span, _STATEMENTS
    if isinstance(node, ast.Call) and node.target is None:
        help = _help(node, known)
        if help != _STATEMENTS:
            span = node.name_span
            for name in _declared(node):
                for kind in ("struct", "map", "function"):
                    module.report.spoil(kind, name)
    return module.report.mistake("HNY0107", message, span, help=help)


def _help(node: ast.Call, known: Iterable[str]) -> str:
    if node.name in foreign.DECLARATIONS:
        return foreign.DECLARATIONS[node.name]
    if (meant := suggestion(node.name, known)) is not None:
        return meant
    return _FUNCTION if node.do_block is not None else _STATEMENTS


def _declared(node: ast.Call) -> list[str]:
    """The names that a misspelt declaration was probably to declare."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Binary) and first.op == "when":
        first = first.left
    return [node.name, *([first.name] if isinstance(first, ast.Call | ast.Atom | ast.Var) else ())]


def used_module(module: Module, name: str, node: ast.Call) -> Mistake:
    """``use`` of another module than Honey."""
    help = "`use Honey`" if name.startswith("Honey.") else foreign.MODULES.get(name)
    meant = suggestion(name, ("Honey",)) or "remove it: what it would add is not there"
    return module.report.mistake("HNY0103", f"`use` is of Honey, not of {name}", node.span, help=help or meant)


def no_handler(module: Module, body: ast.Block) -> Mistake:
    """The error for a module that the kernel calls nothing of."""
    from honey.diagnostics import Label

    message = f"{module.name} has no handler"
    for attribute in unread_attributes(body):
        if (meant := suggestion(attribute.name, ("sec",), "@{}")) is not None:
            return module.report.mistake("HNY0108", message, attribute.span, help=meant)
    before = 'put `@sec "tracepoint/syscalls/sys_enter_write"` on the line before'
    found = next((one for one in module.functions.values() if one.arity == 1 and not one.private), None)
    labels = (Label(found.span, "a handler, if this is what the kernel is to call"),) if found is not None else ()
    help = f"{before} `def {found.name}(...)`" if found is not None else f"{before} a `def main(ctx) do`"
    return module.report.mistake("HNY0108", message, module.span, help=help, labels=labels)


def warn_of_attributes(module: Module, unread: Iterable[ast.Attribute]) -> None:
    """Attributes that nothing reads."""
    for node in unread:
        help = suggestion(node.name, ("sec",), "@{}") or "remove it, or read it in a function"
        if node.name in ("license", "licence") and node.value is not None:
            help = f"the licence is said with `use Honey, license: {shown(module.report, node.value.span, '...')}`"
        module.report.warn("HNY0111", f"the attribute @{node.name} is never read", node.span, help=help)
