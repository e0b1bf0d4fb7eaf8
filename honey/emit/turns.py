# SPDX-License-Identifier: Apache-2.0
"""Which numbers clang must not take for others that they turn out to be equal to: those of loops' turns.

Where a turn goes on only if its number is equal to another one, clang counts from that one on (GVN replaces the number
behind the comparison, in the loop's step as well). The verifier does not know its value: "infinite loop detected". So
such a comparison is with a copy.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir.walk import walk


def turn_numbers(function: n.Function) -> frozenset[int]:
    """The locals (by id) that hold the number of a loop's turn."""
    found: set[int] = set()
    for node in walk(function.body):
        if isinstance(node, n.For) or (
            isinstance(node, n.Let) and isinstance(node.value, n.Expr) and turn_of(node.value) in found
        ):
            found.add(node.local.id)
    return frozenset(found)


def turn_of(operand: n.Expr) -> int | None:
    """The id of the local that an operand reads, whatever type it is cast to."""
    while isinstance(operand, n.Cast):
        operand = operand.operand
    return operand.place.local.id if isinstance(operand, n.Read) and isinstance(operand.place, n.LocalPlace) else None
