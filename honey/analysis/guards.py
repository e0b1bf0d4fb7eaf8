# SPDX-License-Identifier: Apache-2.0
"""Guards: conditions behind a pattern, which only read, and do not hold where they would raise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from honey.analysis import conditions
from honey.analysis.code import Code, OpenIf, is_empty, leaves, only_reads, raises
from honey.analysis.conditions import AND, Condition, both, either, known
from honey.analysis.errors import Mistake
from honey.analysis.scope import Scope
from honey.ir import nodes as n
from honey.ir import types as t
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.analysis.patterns import Bound


def guarded(fl: Lowering, guard: ast.Node, test: Condition, bound: Sequence[Bound]) -> Condition:
    """``test`` and the guard behind it, which may read what ``bound`` names, and do nothing else."""
    if test.constant is False:
        return test
    if isinstance(guard, ast.Binary) and guard.op in AND:
        return guarded(fl, guard.right, guarded(fl, guard.left, test, bound), bound)
    if isinstance(guard, ast.Binary) and guard.op == "when":  # one of several must hold, whatever raises in others
        one, other = (guarded(fl, side, test, bound) for side in (guard.left, guard.right))
        return Condition(either(one, other).expr, test.when_true)
    result = known(False)
    with fl.block(test.when_true) as code, _failing(fl):
        for item in bound:
            fl.scope.bind(item.name, fl.settled(item.value), item.span)
        found = _held(fl, guard)
        result = Condition(found.expr, found.when_true + fl.scope.found_present(), found.when_false)
    if not only_reads(code, or_raises=True):
        raise fl.mistake(
            "HNY0605", "a guard may only compare and calculate", guard.span, help="test it in the clause's body"
        )
    if is_empty(code):
        fl.code.extend(code)
        return both(test, result)
    if test.constant is True and not raises(code):
        fl.code.extend(code)
        return result
    result = Condition(result.expr, result.when_true)
    return conditions.through_flag(
        fl, test, code, result, is_and=True, span=guard.span, seal=lambda block: _unless_raised(fl, block)
    )


def _held(fl: Lowering, guard: ast.Node) -> Condition:
    """The guard's condition. A function is made for each kind of argument: what would raise for one does not hold."""
    try:
        return conditions.condition(fl, guard)
    except Mistake as mistake:
        if mistake.raises and fl.section is None:
            return known(False)
        raise


def named(fl: Lowering, node: ast.Call) -> Condition:
    """What a ``defguard`` stands for, with the arguments of a call."""
    clause = fl.unit.module.guards[node.name, len(node.args)]
    values = fl.operands(node.args)
    outer, fl.scope = fl.scope, Scope(fl.scope)
    try:
        for parameter, value, arg in zip(clause.patterns, values, node.args, strict=True):
            if isinstance(parameter, ast.Var):
                fl.scope.bind(parameter.name, fl.settled(value), arg.span)
        return conditions.condition(fl, clause.body)
    finally:
        fl.scope = outer


@contextmanager
def _failing(fl: Lowering) -> Iterator[None]:
    """What raises in here makes the guard fail, and nothing else."""
    before, fl.in_guard = (fl.in_guard, fl.may_raise), True
    try:
        yield
    finally:
        fl.in_guard, fl.may_raise = before


def _unless_raised(fl: Lowering, code: Code) -> Code:
    """``code`` without its raises; what would not be reached for one is not reached for a branch."""
    for index, item in enumerate(code):
        if isinstance(item, n.Raise):
            return code[:index]
        if isinstance(item, OpenIf) and raises([item]):
            return [*code[:index], *_branch_unless_raised(fl, item, code[index + 1 :])]
    return code


def _branch_unless_raised(fl: Lowering, branch: OpenIf, rest: Code) -> Code:
    if leaves(branch.then) and not raises(branch.otherwise):
        then, otherwise = branch.then, [*branch.otherwise, *rest]
        return [OpenIf(branch.condition, _unless_raised(fl, then), _unless_raised(fl, otherwise), branch.span)]
    passed = fl.fresh("", t.BOOL)
    here = n.LocalPlace(passed)
    then, otherwise = (
        _unless_raised(fl, [*side, n.Assign(here, n.Const(1, t.BOOL), branch.span)])
        for side in (branch.then, branch.otherwise)
    )
    return [
        n.Let(passed, n.Const(0, t.BOOL), branch.span),
        OpenIf(branch.condition, then, otherwise, branch.span),
        OpenIf(n.Read(here, t.BOOL), _unless_raised(fl, rest), [], branch.span),
    ]
