# SPDX-License-Identifier: Apache-2.0
"""What passes share: applying a rule to every function of a program, and telling whether anything changed."""

from __future__ import annotations

from collections.abc import Callable

from honey.ir import nodes as n
from honey.records import replace


def each_function(program: n.Program, rule: Callable[[n.Function], n.Function]) -> n.Program:
    """``program`` with ``rule`` applied to each function; the same object if nothing changed."""
    functions = tuple(rule(function) for function in program.functions)
    if all(new is old for new, old in zip(functions, program.functions, strict=True)):
        return program
    return replace(program, functions=functions)


def with_body(function: n.Function, body: n.Block) -> n.Function:
    """``function`` with another body; the same object if it is the same."""
    return function if body is function.body else replace(function, body=body)
