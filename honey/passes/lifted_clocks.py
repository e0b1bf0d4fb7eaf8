# SPDX-License-Identifier: Apache-2.0
"""Hands a time stamp to the functions that each take one, so that they can share it.

A function that reads a clock on every path, only to store the time, gets it as a parameter instead; its callers read
the clock before the call. Where a caller then reads it several times, `shared_calls` makes one reading of them.

Proof obligation: every path through the function reads the clock, so no call reads one more often than before; the
reading is only stored, and happens a little earlier, which a clock may always show. Only done where it can pay: some
function calls two or more that take a time stamp.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import map_blocks, next_local_id, pick, rewrite_block, walk
from honey.passes.clocks import clock_of, is_stamp
from honey.passes.constant_folding import fold
from honey.passes.rewriting import CALLS, LETS, effect_of, with_effect
from honey.records import dataclass, replace

PARAMETER = "now"


def run(program: n.Program) -> n.Program:
    """``program`` with time stamps handed down."""
    while True:
        symbols = Symbols.of(program)
        clocks = {function.name: _clock(function, symbols) for function in program.functions}
        chosen = {name: clock for name, clock in clocks.items() if clock is not None and _pays(program, name, clocks)}
        if not chosen:
            return program
        functions = tuple(_lifted(function, chosen) for function in program.functions)
        program = replace(program, functions=functions)


def _clock(function: n.Function, symbols: Symbols) -> str | None:
    """The clock that every path through the function reads for a time stamp; it reads no other."""
    if function.section is not None:
        return None
    found = {name for node in pick(function.body, LETS) if (name := clock_of(node)) is not None}
    if len(found) != 1 or not _always(function.body):
        return None
    lets = [node for node in pick(function.body, LETS) if clock_of(node) is not None]
    return next(iter(found)) if all(is_stamp(function, let.local, symbols) for let in lets) else None


def _always(block: n.Block) -> bool:
    """Whether every path through ``block`` reads a clock before it leaves."""
    for statement in block:
        match statement:
            case n.Let() if clock_of(statement) is not None:
                return True
            case n.If(_, then, otherwise):
                if _always(then) and _always(otherwise):
                    return True
                if _may_leave(then) or _may_leave(otherwise):
                    return False
            case n.Return() | n.Raise() | n.Break() | n.For():
                return False
            case _:
                pass
    return False


def _may_leave(block: n.Block) -> bool:
    return any(isinstance(node, (n.Return, n.Raise, n.Break)) for node in walk(block))


def _pays(program: n.Program, name: str, clocks: dict[str, str | None]) -> bool:
    """Whether some function calls this one and reads the same clock once more, itself or by another call."""
    for function in program.functions:
        calls = [node.function for node in pick(function.body, CALLS)]
        own = sum(clock_of(node) == clocks[name] for node in pick(function.body, LETS))
        if name in calls and own + sum(clocks[callee] == clocks[name] for callee in calls) > 1:
            return True
    return False


def _lifted(function: n.Function, chosen: dict[str, str]) -> n.Function:
    """The function with its own clock as a parameter, and with those of its callees read before each call."""
    body = function.body
    params = function.params
    if function.name in chosen:
        now = n.Local(next_local_id(function), PARAMETER, t.U64)
        params = (*params, now)
        body = rewrite_block(body, lambda node: _from_parameter(node, now))
    ids = _Ids(next_local_id(replace(function, params=params)))
    body = map_blocks(body, lambda block: _with_readings(block, chosen, ids))
    if body is function.body and params is function.params:
        return function
    return replace(function, body=body, params=params)


@dataclass(slots=True)
class _Ids:
    next: int

    def take(self) -> int:
        """An unused id."""
        self.next += 1
        return self.next - 1


def _from_parameter(node: object, now: n.Local) -> object:
    if isinstance(node, n.Let) and clock_of(node) is not None:
        value = fold(n.Cast(n.Read(n.LocalPlace(now), now.type), node.local.type))
        assert isinstance(value, n.Expr)
        return replace(node, value=value)
    return node


def _with_readings(block: n.Block, chosen: dict[str, str], ids: _Ids) -> n.Block:
    out: list[n.Stmt] = []
    for statement in block:
        effect = effect_of(statement)
        if isinstance(effect, n.Call) and effect.function in chosen:
            local = n.Local(ids.take(), PARAMETER, t.U64)
            out.append(n.Let(local, n.HelperCall(chosen[effect.function], (), t.U64), statement.span))
            call = replace(effect, args=(*effect.args, n.Read(n.LocalPlace(local), local.type)))
            out.append(with_effect(statement, call))
        else:
            out.append(statement)
    return block if len(out) == len(block) else tuple(out)
