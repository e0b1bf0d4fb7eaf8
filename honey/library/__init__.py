# SPDX-License-Identifier: Apache-2.0
"""The library: what calls of ``Honey.*``, and of the parts of Elixir that make sense in eBPF, mean.

One module of Python for each module of the language, each with a table of its calls by name and number of arguments.
They are imported when a source first calls into them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.analysis.values import Value
    from honey.syntax import ast

    LibraryCall = Callable[[Lowering, ast.Call, str], Value]
    Table = dict[tuple[str, int], LibraryCall]

_MODULES = {
    "Kernel": "elixir",
    "Bitwise": "elixir",
    "Integer": "elixir",
    "Enum": "enum",
    "String": "text",
    "Map": "keyed",
    "Keyword": "keyed",
    "List": "lists",
    "Tuple": "lists",
    "Logger": "printing",
    "IO": "printing",
    "Honey.BpfHelpers": "bpf_helpers",
    "Honey.Net": "net",
    "Honey.Map": "entries",
    "Honey.Ring": "ring",
    "Honey.Ethhdr": "ethhdr",
    "Honey.Packet": "packet",
    "Honey.XDP": "xdp",
}

BARE = ("Kernel", "Honey.BpfHelpers", "Bitwise")
"""Modules whose functions need no name of a module in front."""


_RARER = {"Enum": "lists"}
"""Where the calls of a module are that its own file does not have; it is loaded for them only."""


def _table(module: str) -> Table:
    name = _MODULES.get(module)
    if name is None:
        return {}
    return _of_file(name, module)


def _of_file(name: str, module: str) -> Table:
    tables: dict[str, Table] = import_module(f"honey.library.{name}").TABLES
    return tables.get(module, {})


def find(module: str, name: str, arity: int) -> LibraryCall | None:
    """What a call of ``module.name/arity`` means, or ``None``."""
    found = _table(module).get((name, arity))
    if found is None and module in _RARER:
        return _of_file(_RARER[module], module).get((name, arity))
    if found is None and module == "Honey.BpfHelpers":
        from honey.library import bpf_helpers

        return bpf_helpers.generic(name, arity)
    return found


def modules() -> list[str]:
    """The names of the modules that there are."""
    return list(_MODULES)


def names_of(module: str) -> list[tuple[str, int]]:
    """The calls of ``module``, name and number of arguments."""
    known = list(_table(module))
    if module in _RARER:
        known += _of_file(_RARER[module], module)
    if module == "Honey.BpfHelpers":
        from honey.kernel import helpers

        known += [(name, len(found.arguments)) for name in helpers.names() if (found := helpers.helper(name))]
    return known
