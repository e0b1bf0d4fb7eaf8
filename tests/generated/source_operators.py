# SPDX-License-Identifier: Apache-2.0
"""Operators for `source_evaluator`: what they give for values, and which sides are gone through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from source_access import Access
from source_memory import WORD, Network, Number, View
from source_values import (
    COMPARISONS,
    NEVER,
    UNKNOWN,
    Scope,
    Unspecified,
    Value,
    common,
    literal,
    met,
    of_literals,
    operation,
    passed,
    truthy,
    without_bits,
)

from honey.syntax import ast

if TYPE_CHECKING:
    from source_evaluator import Machine


def binary(machine: Machine, op: str, left: ast.Node, right: ast.Node, scope: Scope) -> Value:
    one = machine.value(left, scope)
    if op in ("and", "&&", "or", "||"):
        return _logic(machine, op in ("or", "||"), one, right, scope)
    if op == "in":
        return _member(machine, machine.present(one), right, scope)
    other = machine.value(right, scope)
    if op in ("==", "!="):
        return UNKNOWN if machine.quiet else same(machine, one, other) is (op == "==")
    return calculated(machine, op, one, other)


def _logic(machine: Machine, is_or: bool, one: Value, right: ast.Node, scope: Scope) -> Value:
    if not machine.quiet and truthy(one) is not is_or:
        # A literal in place of what was missing has the type that this would have had.
        return passed(machine.value(right, scope))
    with machine.quietly():
        other = machine.value(right, scope)
    return met(one, other) if is_or else one


def _member(machine: Machine, one: Number, right: ast.Node, scope: Scope) -> Value:
    if machine.quiet:
        return UNKNOWN
    if isinstance(right, ast.ListLit):
        items = [machine.value(item, scope) for item in right.items]
        return any(same(machine, one, item) for item in items)
    assert isinstance(right, ast.Binary)
    ends = [machine.value(side, scope) for side in (right.left, right.right)]
    return calculated(machine, ">=", one, ends[0]) and calculated(machine, "<=", one, ends[1])


def unary(machine: Access, op: str, value: Value) -> Value:
    if op in ("not", "!"):
        return UNKNOWN if machine.quiet else not truthy(value)
    number = machine.present(value)
    if machine.quiet or number is NEVER:
        return without_bits(number)
    if number.literal:
        return literal(-number.value if op == "-" else ~number.value)
    bits = -number.bits if op == "-" else ~number.bits
    return Number(bits % WORD, number.signed, loose=number.loose)


def same(machine: Access, one: Value, other: Value) -> bool:
    match one, other:
        case Number(literal=True), Number(literal=True):
            return bool(one.value == other.value)
        case (Number(), Number()) | (Network(), Network()):
            return bool(one.bits == other.bits)
        case View(), View():
            fields = machine.layouts.known[one.type[7:]].fields if one.type.startswith("struct:") else {}
            if not fields:
                size = machine.layouts.size(one.type)
                parts = [view.memory[view.offset : view.offset + size] for view in (one, other)]
                return parts[0] == parts[1]
            return all(
                same(machine, machine.loaded(one, *field), machine.loaded(other, *field)) for field in fields.values()
            )
        case _:
            return bool(one == other)


def calculated(machine: Access, op: str, one: Value, other: Value) -> Value:
    """An operation on two integers, at 64 bits."""
    left, right = machine.present(one), machine.present(other)
    if NEVER in (left, right):
        return NEVER
    if left.literal and right.literal and not machine.quiet:
        return of_literals(op, left.value, right.value)
    signed, loose = (left.signed, left.loose) if op in ("<<<", ">>>") else common(left, right)
    if machine.quiet:
        return UNKNOWN if op in COMPARISONS else Number(None, signed, loose=loose)
    result = operation(op, left, right, signed)
    if loose and operation(op, left, right, not signed) != result:
        raise Unspecified
    if op in COMPARISONS:
        return result
    return Number(result, signed, loose=loose)
