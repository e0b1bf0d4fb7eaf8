# SPDX-License-Identifier: Apache-2.0
"""Decides which functions are part of their callers and which are called.

| function | is |
|---|---|
| called from one place in each handler that needs it | inlined |
| small, up to `SMALL` nodes | inlined |
| larger, called from several places of one handler | a subprogram of its own |

Each handler is a program of its own with its own copy of what it calls, so that a function that two handlers call once
each costs nothing when inlined, and saves the call. Proof obligation: none, both do the same; a subprogram takes no
more than five arguments, and one with more is inlined.
"""

from __future__ import annotations

from collections import Counter

from honey.ir import nodes as n
from honey.ir.symbols import Symbols
from honey.ir.walk import walk
from honey.records import replace

SMALL = 120
"""Nodes of the IR, about the size where a copy costs more instructions than a call and its bookkeeping save."""

_ARGUMENTS = 5


def run(program: n.Program) -> n.Program:
    """``program`` with `Inline` decided for every function that is not a handler and has no wish of its own."""
    symbols = Symbols.of(program)
    most: Counter[str] = Counter()
    for handler in program.handlers:
        for name, count in _copies(handler, symbols).items():
            most[name] = max(most[name], count)
    functions = tuple(_decided(function, most[function.name]) for function in program.functions)
    if all(new is old for new, old in zip(functions, program.functions, strict=True)):
        return program
    return replace(program, functions=functions)


def _decided(function: n.Function, copies: int) -> n.Function:
    if function.section is not None or function.inline is not n.Inline.AUTO or copies == 0:
        return function
    arguments = len(function.params) + function.may_raise
    size = sum(1 for _ in walk(function.body))
    inline = copies == 1 or size <= SMALL or arguments > _ARGUMENTS
    return replace(function, inline=n.Inline.ALWAYS if inline else n.Inline.NEVER)


def _copies(handler: n.Function, symbols: Symbols) -> Counter[str]:
    """How many copies of each function ``handler`` would have if all were inlined."""
    found: Counter[str] = Counter()
    todo: list[tuple[n.Function, int]] = [(handler, 1)]
    while todo:
        function, times = todo.pop()
        calls = Counter(node.function for node in walk(function.body) if isinstance(node, n.Call))
        for name, count in calls.items():
            found[name] += times * count
            if found[name] <= 1000:
                todo.append((symbols.functions[name], times * count))
    return found
