# SPDX-License-Identifier: Apache-2.0
"""Names and places for `source_evaluator`: assignments, patterns, structs with fields set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from source_memory import View
from source_operators import same
from source_values import NEVER, Raised, Scope, Value

from honey.analysis.syntax_tree import walk
from honey.syntax import ast

if TYPE_CHECKING:
    from source_evaluator import Machine


def assign(machine: Machine, left: ast.Node, right: ast.Node, scope: Scope) -> Value:
    value = machine.value(right, scope)
    match left:
        case ast.Dot(target=target) | ast.Index(target=target) if machine.quiet:
            machine.value(target, scope)
        case ast.Dot(target=target, name=name):
            view = machine.present(machine.value(target, scope))
            type_, at = machine.layouts.known[view.type[7:]].fields[name]
            machine.store(view, type_, at, value)
        case ast.Index(target=target, key=key):
            view = machine.present(machine.value(target, scope))
            machine.store(view, "u8", machine.index(view, machine.value(key, scope)), value)
        case ast.Var(name=name):
            scope[name] = machine.own(value)
        case _:
            if not matches(machine, left, value, scope) and not machine.quiet:
                raise Raised
    return value


def matches(machine: Machine, pattern: ast.Node, value: Value, scope: Scope) -> bool:
    """Whether a value matches; binds the pattern's names in ``scope``."""
    if value is NEVER:
        scope.update((each.name, NEVER) for each in walk(pattern) if isinstance(each, ast.Var))
        return False
    match pattern:
        case ast.Var(name=name):
            scope[name] = value
            return True
        case ast.Tuple(items=items) | ast.ListLit(items=items, tail=None):
            if not isinstance(value, tuple | list) or len(items) != len(value):
                return False
            fits = [matches(machine, item, each, scope) for item, each in zip(items, value, strict=True)]
            return all(fits)
        case ast.ListLit(items=items, tail=ast.Node() as tail):
            heads = [matches(machine, item, each, scope) for item, each in zip(items, value, strict=False)]
            rest = matches(machine, tail, value[len(items) :], scope)
            return all(heads) and rest
        case ast.MapLit(entries=entries):
            names = [each.key.name for each in entries]  # type: ignore[attr-defined]  # keys are atoms
            fields = [machine.field(value, name) for name in names]
            fits = [matches(machine, each.value, field, scope) for each, field in zip(entries, fields, strict=True)]
            return all(fits)
        case _:
            return same(machine, machine.value(pattern, scope), value)


def filled(machine: Machine, view: View, entries: Sequence[ast.Pair], scope: Scope) -> View:
    """A new struct with fields set."""
    values = [(each.key.name, machine.value(each.value, scope)) for each in entries]  # type: ignore[attr-defined]  # keys are atoms
    for name, value in values:
        type_, at = machine.layouts.known[view.type[7:]].fields[name]
        machine.store(view, type_, at, value)
    return view
