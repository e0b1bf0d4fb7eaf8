# SPDX-License-Identifier: Apache-2.0
"""Anonymous functions that are passed to functions of the module: what they see of their own surroundings is passed
along, as further arguments behind those that are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def captured(values: Sequence[object]) -> Iterator[tuple[str, Value]]:
    """What functions among ``values`` see that only exists when the program runs, with the names that it has."""
    for function in values:
        if isinstance(function, FunctionValue):
            for name, binding in _seen(function):
                if isinstance(binding.value, FunctionValue):
                    yield from captured([binding.value])
                elif _exists(binding.value):
                    yield name, binding.value


def reopened(values: Sequence[Value], passed: Iterator[Value]) -> list[Value]:
    """``values`` whose functions see what was ``passed`` in place of what they saw: the same, in the order above."""
    return [_reopened(value, passed) if isinstance(value, FunctionValue) else value for value in values]


def _reopened(function: FunctionValue, passed: Iterator[Value]) -> FunctionValue:
    names = dict(function.names)
    for name, binding in _seen(function):
        if isinstance(binding.value, FunctionValue):
            names[name] = Binding(_reopened(binding.value, passed), binding.span)
        elif _exists(binding.value):
            names[name] = Binding(next(passed), binding.span)
    return FunctionValue(function.fn, names)
