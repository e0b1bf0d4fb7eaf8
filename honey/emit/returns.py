# SPDX-License-Identifier: Apache-2.0
"""Returns that a person would not write: those at the end of a function without a result."""

from __future__ import annotations

from honey.ir import nodes as n
from honey.records import replace


def without_last_return(block: n.Block) -> n.Block:
    """``block``, after which a function without a result ends, without the returns that say so."""
    if not block:
        return block
    *before, last = block
    match last:
        case n.Return(None):
            return without_last_return(tuple(before))
        case n.If(_, then, otherwise):
            shorter = replace(last, then=without_last_return(then) or then, otherwise=without_last_return(otherwise))
            return (*before, shorter)
        case _:
            return block
