# SPDX-License-Identifier: Apache-2.0
"""Control flow for `source_evaluator`: branches, clauses, loops, ``with``, ``fuel``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from source_bindings import matches
from source_library import library
from source_memory import WORD, Number
from source_values import (
    NEVER,
    Function,
    Raised,
    Returned,
    Scope,
    Value,
    met,
    truthy,
    without_bits,
)

from honey.syntax import ast

if TYPE_CHECKING:
    from source_evaluator import Machine

Clause: TypeAlias = "tuple[Sequence[ast.Node], ast.Node | None, ast.Node]"
"""Patterns, guard and body."""


def construct(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    """Control flow; everything else is a call of the library."""
    blocks = node.do_block
    match node.name:
        case "if" | "unless":
            assert blocks is not None
            if node.name == "if":
                return _branch(machine, node.args[0], blocks.body, blocks.else_, scope)
            return _branch(machine, node.args[0], blocks.else_, blocks.body, scope)
        case "cond":
            return _cond(machine, node, scope)
        case "case":
            assert blocks is not None
            assert isinstance(blocks.body, ast.Clauses)
            return machine.clauses(clauses_of(blocks.body), [machine.value(node.args[0], scope)], scope)
        case "return":
            value = machine.value(node.args[0], scope)
            if not machine.quiet:
                raise Returned(value)
            machine.returned.append(value)
            return NEVER
        case "for":
            return _for(machine, node, scope)
        case "with":
            return _with(machine, node, node.args, scope)
        case "each":
            function = machine.value(node.args[1], scope)
            for turn in _turns(machine, node.args[0], scope):
                machine.apply(function, [turn])
            return None
        case "reduce":
            over, start, function = node.args
            return _reduced(machine, over, machine.value(start, scope), machine.value(function, scope), scope)
        case "fuel":
            return _with_fuel(machine, node, scope)
        case _:
            return library(machine, node, scope)


def _branch(machine: Machine, test: ast.Node, then: ast.Node | None, otherwise: ast.Node | None, scope: Scope) -> Value:
    condition = machine.value(test, scope)
    first, second = (then, otherwise) if machine.quiet or truthy(condition) else (otherwise, then)
    value = machine.block(first, scope)
    with machine.quietly():
        return met(value, machine.block(second, scope))


def _cond(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    found: Value = NEVER
    taken = False
    for clause in node.do_block.body.clauses:  # type: ignore[union-attr]  # `cond do ... -> ...`
        if not taken and not machine.quiet and truthy(machine.value(clause.patterns[0], scope)):
            taken, found = True, met(machine.block(clause.body, scope), found)
        else:
            with machine.quietly():
                found = met(found, machine.block(clause.body, scope))
    if not taken and not machine.quiet:
        raise Raised
    return found


def _turns(machine: Machine, node: ast.Node, scope: Scope) -> list[Value]:
    """The elements of a range or a list."""
    if isinstance(node, ast.ListLit):
        return [machine.value(item, scope) for item in node.items]
    step = None
    assert isinstance(node, ast.Binary)
    with machine.loudly():
        if node.op == "//":
            step, node = machine.value(node.right, scope).value, node.left
            assert isinstance(node, ast.Binary)
        first, last = (machine.value(side, scope).value for side in (node.left, node.right))
    step = step or (1 if first <= last else -1)
    found = [Number(turn % WORD, True) for turn in range(first, last + (1 if step > 0 else -1), step)]
    return found[:1] if machine.quiet else found


def _with(machine: Machine, node: ast.Call, steps: Sequence[ast.Node], scope: Scope) -> Value:
    """``with pattern <- value, ... do``: goes on while all match."""
    assert node.do_block is not None
    if not steps:
        return machine.block(node.do_block.body, scope)
    step, inner = steps[0], scope.new_child()
    assert isinstance(step, ast.Binary)
    value = machine.value(step.right, scope)
    guarded = isinstance(step.left, ast.Binary)
    pattern = step.left.left if isinstance(step.left, ast.Binary) else step.left
    fits = matches(machine, pattern, value, inner)
    if fits and guarded and not machine.quiet:
        fits = machine.holds(step.left.right, inner)  # type: ignore[attr-defined]  # `pattern when guard`
    if fits and not machine.quiet:
        found = _with(machine, node, steps[1:], inner)
        with machine.quietly():
            return met(found, _not_matched(machine, node, value, scope))
    with machine.quietly():
        found = _with(machine, node, steps[1:], inner)
    return met(_not_matched(machine, node, value, scope), found)


def _not_matched(machine: Machine, node: ast.Call, value: Value, scope: Scope) -> Value:
    otherwise = node.do_block.else_ if node.do_block is not None else None
    if not isinstance(otherwise, ast.Clauses):
        return NEVER if machine.quiet else value
    return machine.clauses(clauses_of(otherwise), [value], scope)


def _for(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    generator, *filters = node.args
    assert isinstance(generator, ast.Binary)
    assert isinstance(generator.left, ast.Var)
    if node.keywords is not None:
        return _for_reduce(machine, node, generator, scope)
    values = []
    for turn in _turns(machine, generator.right, scope):
        inner = scope.new_child({generator.left.name: turn})
        if all(truthy(machine.value(each, inner)) for each in filters):
            values.append(machine.block(body_of(node), inner))
    return values


def _for_reduce(machine: Machine, node: ast.Call, generator: ast.Binary, scope: Scope) -> Value:
    """``for i <- a..b, reduce: start do acc -> ... end``."""
    assert node.keywords is not None
    assert node.do_block is not None
    assert isinstance(node.do_block.body, ast.Clauses)
    (clause,) = node.do_block.body.clauses
    whole = ast.Clause(clause.span, (generator.left, *clause.patterns), clause.guard, clause.body)
    start = machine.value(node.keywords.pairs[0].value, scope)
    return _reduced(machine, generator.right, start, Function(ast.Fn(node.span, (whole,)), scope), scope)


def _reduced(machine: Machine, over: ast.Node, value: Value, function: Function, scope: Scope) -> Value:
    if value is NEVER:
        return NEVER
    type_ = without_bits(value)
    turns = _turns(machine, over, scope)
    with machine.quietly():
        for turn in [*turns[:1], *turns[:1]]:
            type_ = met(type_, machine.apply(function, [turn, type_]))
    value = met(value, type_)
    for turn in turns:
        value = met(machine.apply(function, [turn, value]), type_)
    return value


def _with_fuel(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    """``fuel(n, f(...))``: so many calls of ``f`` may be nested; how deep it goes decides the result's type."""
    called = node.args[1]
    assert isinstance(called, ast.Call)
    args = [machine.value(arg, scope) for arg in called.args]
    before, left = machine.fuel.get(called.name), machine.value(node.args[0], scope).bits
    machine.fuel[called.name] = left
    try:
        value = machine.call(called.name, args)
    finally:
        machine.fuel[called.name] = before
    return Number(value.bits, value.signed, loose=True) if isinstance(value, Number) else value


def body_of(node: ast.Call) -> ast.Block:
    """The block behind ``do``."""
    assert node.do_block is not None
    assert isinstance(node.do_block.body, ast.Block)
    return node.do_block.body


def clauses_of(node: ast.Clauses | ast.Fn) -> list[Clause]:
    """The clauses of ``case``, ``else``, or an anonymous function."""
    return [(each.patterns, each.guard, each.body) for each in node.clauses]
