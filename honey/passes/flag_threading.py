# SPDX-License-Identifier: Apache-2.0
"""Does what depends on a flag where the flag is set, instead of setting it and asking afterwards.

    if address                                  if address
      err = read(&peer, ...)                      err = read(&peer, ...)
      found = err == 0                            if err == 0 && peer.family == AF_INET
    else                                  →         ...
      found = false
    if found && peer.family == AF_INET
      ...

Proof obligation: the second branch has one side, which the flag must be true for, so that nothing happens where it is
false; where it is set to something else, the second branch follows at once, with the value in place of the flag. The
flag is used for nothing else.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import leaves
from honey.ir.walk import map_blocks, rewrite, uses
from honey.passes.rewriting import each_function, with_body
from honey.records import replace


def run(program: n.Program) -> n.Program:
    """``program`` with flags threaded."""

    def rule(function: n.Function) -> n.Function:
        return with_body(function, map_blocks(function.body, lambda block: _block(block, function)))

    return each_function(program, rule)


def _block(block: n.Block, function: n.Function) -> n.Block:
    for at in range(len(block) - 1):
        first, second = block[at], block[at + 1]
        if isinstance(first, n.If) and isinstance(second, n.If) and not second.otherwise:
            threaded = _threaded(first, second, function)
            if threaded is not None:
                return _block((*block[:at], threaded, *block[at + 2 :]), function)
    return block


def _threaded(first: n.If, second: n.If, function: n.Function) -> n.If | None:
    flag = _last_set(first.then)
    if flag is None or flag != _last_set(first.otherwise) or leaves(first.then) or leaves(first.otherwise):
        return None
    inside = uses(second.condition)[flag.id]
    if not _requires(second.condition, flag) or uses(function.body)[flag.id] != inside + 2:
        return None
    sides = [_with_second(block, second, flag) for block in (first.then, first.otherwise)]
    if sum(side is not None for side in sides) != 1:
        return None
    then, otherwise = (
        side if side is not None else block[:-1] for side, block in zip(sides, _sides(first), strict=True)
    )
    return replace(first, then=then, otherwise=otherwise)


def _sides(branch: n.If) -> tuple[n.Block, n.Block]:
    return branch.then, branch.otherwise


def _last_set(block: n.Block) -> n.Local | None:
    """The flag that a block ends with setting."""
    match block[-1] if block else None:
        case n.Assign(n.LocalPlace(local), value) if isinstance(local.type, t.Bool) and isinstance(value, n.Expr):
            return local
        case _:
            return None


def _requires(condition: n.Expr, flag: n.Local) -> bool:
    """Whether ``condition`` can only hold where ``flag`` does."""
    match condition:
        case n.Read(n.LocalPlace(local)):
            return local == flag
        case n.Binary(n.BinaryOp.LAND, left, right):
            return _requires(left, flag) or _requires(right, flag)
        case _:
            return False


def _with_second(block: n.Block, second: n.If, flag: n.Local) -> n.Block | None:
    """The block with the second branch in place of setting the flag; ``None`` where the flag is set to false."""
    last = block[-1]
    assert isinstance(last, n.Assign)
    value = last.value
    if value == n.Const(0, t.BOOL):
        return None
    reading = n.Read(n.LocalPlace(flag), flag.type)
    condition = rewrite(second.condition, lambda node: value if node == reading else node)
    return (*block[:-1], replace(second, condition=condition))
