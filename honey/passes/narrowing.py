# SPDX-License-Identifier: Apache-2.0
"""Gives numbers the width that they need.

| number | becomes | because |
|---|---|---|
| a parameter that is only ever truncated | truncated by the caller | only its low bits count |
| ``pid = tgid >> 32``, a parameter that is only given such | 32 bits wide | the rest is zero |
| the result of an inlined function | 32 bits wide | every value it returns fits |

A number of 32 bits is compared and stored as it is, where clang would keep all 64.

Proof obligation. First row: every use is the same cast to a narrower integer. Others: `honey.ir.widths` bounds the
value, and widening it again at each use gives the same number; a result or a parameter only changes where the function
is inlined, as a call would clear the upper bits once more.
"""

from __future__ import annotations

from collections.abc import Iterable

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.nonnull import locals_written
from honey.ir.walk import Node, pick, rewrite_block, uses
from honey.ir.widths import bits_of
from honey.passes.constant_folding import fold, fold_block
from honey.passes.references import calls_of
from honey.passes.rewriting import CALLS, LETS
from honey.records import replace

NARROW = t.U32
_CASTS = frozenset((n.Cast,))
_RETURNS = frozenset((n.Return,))
_SETTING = frozenset((n.Let, n.Assign))


def run(program: n.Program) -> n.Program:
    """``program`` with numbers narrowed."""
    program = _truncated_parameters(program)
    while True:
        before = program
        program = _small_parameters(_small_results(_small_locals(program)))
        if program is before:
            return program


# ---------------------------------------------------------------- parameters that are truncated


def _truncated_parameters(program: n.Program) -> n.Program:
    types: dict[str, dict[int, t.Int]] = {}
    for function in program.functions:
        if function.section is None:
            found = {at: type_ for at, param in enumerate(function.params) if (type_ := _cast_to(function, param))}
            if found:
                types[function.name] = found
    return _with_parameters(program, types)


def _cast_to(function: n.Function, param: n.Local) -> t.Int | None:
    """The one type that ``param`` is always cast to, if it is narrower."""
    if not isinstance(param.type, t.Int) or param.id in locals_written(function.body):
        return None
    reading = _reading(param)
    types = [node.type for node in pick(function.body, _CASTS) if node.operand == reading]
    if not types or len(types) != uses(function.body)[param.id] or any(type_ != types[0] for type_ in types):
        return None
    found = types[0]
    narrower = isinstance(found, t.Int) and not found.big_endian and found.bits < param.type.bits
    return found if narrower and isinstance(found, t.Int) else None


# ---------------------------------------------------------------- numbers that are small


def _is_wide(type_: t.Type) -> bool:
    return isinstance(type_, t.Int) and type_.bits == 64 and not type_.big_endian


def _fits(expr: n.Expr, locals_: dict[int, int]) -> bool:
    bits = bits_of(expr, locals_)
    return bits is not None and bits <= NARROW.bits and not isinstance(expr, n.Const)


def _small_locals(program: n.Program) -> n.Program:
    functions = tuple(_with_small_locals(function) for function in program.functions)
    same = all(new is old for new, old in zip(functions, program.functions, strict=True))
    return program if same else replace(program, functions=functions)


def _with_small_locals(function: n.Function) -> n.Function:
    written = locals_written(function.body)
    small: dict[n.Local, n.Local] = {}
    for node in pick(function.body, LETS):
        if isinstance(node.value, n.Expr) and _is_wide(node.local.type):
            small_enough = node.local.id not in written and _fits(node.value, {})
            if small_enough:
                small[node.local] = n.Local(node.local.id, node.local.name, NARROW)
    return function if not small else replace(function, body=_retyped(function.body, small))


def _small_results(program: n.Program) -> n.Program:
    names = {
        function.name
        for function in program.functions
        if function.inline is n.Inline.ALWAYS and _is_wide(function.result) and _returns_small(function)
    }
    names -= _stored(program)
    if not names:
        return program

    def rule(node: Node) -> object:
        if isinstance(node, n.Call) and node.function in names:
            return replace(node, type=NARROW)
        return node

    def narrowed(function: n.Function) -> n.Function:
        body = rewrite_block(function.body, rule, CALLS)
        small = {
            node.local: n.Local(node.local.id, node.local.name, NARROW)
            for node in pick(body, LETS)
            if isinstance(node.value, n.Call) and node.value.function in names
        }
        body = _retyped(body, small) if small else body
        if function.name in names:
            return replace(function, result=NARROW, body=rewrite_block(body, _return_narrow, _RETURNS))
        return function if body is function.body else replace(function, body=body)

    return replace(program, functions=tuple(narrowed(function) for function in program.functions))


def _stored(program: n.Program) -> set[str]:
    """Functions whose result goes somewhere where other values go, too: those may need all 64 bits."""
    found = set[str]()
    for function in program.functions:
        written = locals_written(function.body)
        for node in pick(function.body, _SETTING):
            if isinstance(node.value, n.Call) and (isinstance(node, n.Assign) or node.local.id in written):
                found.add(node.value.function)
    return found


def _returns_small(function: n.Function) -> bool:
    returns = [node.value for node in pick(function.body, _RETURNS)]
    return bool(returns) and all(value is not None and _fits(value, {}) for value in returns)


def _return_narrow(node: Node) -> object:
    if isinstance(node, n.Return) and node.value is not None and node.value.type != NARROW:
        return replace(node, value=_folded(n.Cast(node.value, NARROW)))
    return node


def _small_parameters(program: n.Program) -> n.Program:
    calls = calls_of(program)
    types: dict[str, dict[int, t.Int]] = {}
    for function in program.functions:
        if function.section is None and function.inline is n.Inline.ALWAYS:
            written = locals_written(function.body)
            for at, param in enumerate(function.params):
                args = [call.args[at] for _, call in calls.get(function.name, [])]
                if args and _is_wide(param.type) and param.id not in written and all(_fits(arg, {}) for arg in args):
                    types.setdefault(function.name, {})[at] = NARROW
    return _with_parameters(program, types)


# ---------------------------------------------------------------- rewriting


def _with_parameters(program: n.Program, types: dict[str, dict[int, t.Int]]) -> n.Program:
    """The program with parameters (by function and position) of other types, and arguments cast to them."""
    if not types:
        return program

    def rule(node: Node) -> object:
        if isinstance(node, n.Call) and node.function in types:
            return replace(node, args=tuple(_arguments(node.args, types[node.function])))
        return node

    def retyped(function: n.Function) -> n.Function:
        own = types.get(function.name, {})
        new = {function.params[at]: n.Local(function.params[at].id, function.params[at].name, own[at]) for at in own}
        body = rewrite_block(function.body, rule, CALLS)
        if new:
            params = tuple(new.get(param, param) for param in function.params)
            return replace(function, params=params, body=_retyped(body, new))
        return function if body is function.body else replace(function, body=body)

    return replace(program, functions=tuple(retyped(function) for function in program.functions))


def _retyped(body: n.Block, new: dict[n.Local, n.Local]) -> n.Block:
    """The body with some locals (or parameters) of a narrower type; what reads them widens the number again."""

    def rule(node: Node) -> object:
        match node:
            case n.Let(local, value, span) if local in new:
                narrow = _folded(n.Cast(value, new[local].type)) if isinstance(value, n.Expr) else value
                return n.Let(new[local], narrow, span)
            case n.Read(n.LocalPlace(local), type_) if local in new:
                return n.Cast(_reading(new[local]), type_)
            case _:
                return node

    return fold_block(rewrite_block(body, rule))


def _arguments(args: Iterable[n.Expr], types: dict[int, t.Int]) -> Iterable[n.Expr]:
    for at, arg in enumerate(args):
        yield _folded(n.Cast(arg, types[at])) if at in types else arg


def _reading(local: n.Local) -> n.Read:
    return n.Read(n.LocalPlace(local), local.type)


def _folded(expr: n.Expr) -> n.Expr:
    folded = fold(expr)
    assert isinstance(folded, n.Expr)
    return folded
