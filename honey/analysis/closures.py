# SPDX-License-Identifier: Apache-2.0
"""Anonymous functions that go elsewhere: out of a branch, into a function of the module or back from one.

What they see of their surroundings goes with them, as the components of their shape.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.analysis.scope import Binding
from honey.analysis.shapes import component_types, shape_of
from honey.analysis.syntax_tree import walk
from honey.analysis.values import FunctionValue, Value
from honey.syntax import ast


def _seen(function: FunctionValue) -> Iterator[tuple[str, Binding]]:
    """The names of its surroundings that a function may look at."""
    used = dict.fromkeys(node.name for node in walk(function.fn) if isinstance(node, ast.Var))
    own = [
        {node.name for pattern in clause.patterns for node in walk(pattern) if isinstance(node, ast.Var)}
        for clause in function.fn.clauses
    ]
    for name in used:
        if name in function.names and not all(name in bound for bound in own):
            yield name, function.names[name]


def _exists(value: Value) -> bool:
    """Whether a value exists when the program runs, at least in part."""
    return bool(component_types(shape_of(value)))


def captured(function: FunctionValue) -> Iterator[tuple[str, Value]]:
    """What a function sees that only exists when the program runs, with the names that it has."""
    for name, binding in _seen(function):
        if isinstance(binding.value, FunctionValue):
            yield from captured(binding.value)
        elif _exists(binding.value):
            yield name, binding.value


def reopened(function: FunctionValue, passed: Iterator[Value]) -> FunctionValue:
    """The function, seeing what was ``passed`` in place of what it saw: the same, in the order above."""
    names = dict(function.names)
    for name, binding in _seen(function):
        if isinstance(binding.value, FunctionValue):
            names[name] = Binding(reopened(binding.value, passed), binding.span)
        elif _exists(binding.value):
            names[name] = Binding(next(passed), binding.span)
    return FunctionValue(function.fn, names, function.origin or function)
