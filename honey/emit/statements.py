# SPDX-License-Identifier: Apache-2.0
"""Statements and control as C: blocks, branches, loops."""

from __future__ import annotations

from honey.emit.context import FunctionContext
from honey.emit.declarations import assign, declare, default_name, let, let_in_frame
from honey.emit.exceptions import discards, leave, leave_if_raised, raise_exception
from honey.emit.fragment import Binding, Fragment, join
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import uses, walk

_PLAIN = (n.Assign, n.Eval, n.Return, n.Break)
"""Statements that may stand behind an ``if`` without braces."""


def statements(context: FunctionContext, block: n.Block) -> None:
    """Write statements in the current scope."""
    at = 0
    while at < len(block):
        if _read_in_condition(context, block[at : at + 3]):
            at += 2
        elif _conjunction(context, block[at : at + 2]):
            at += 1
        else:
            _statement(context, block[at])
        at += 1


def _read_in_condition(context: FunctionContext, three: n.Block) -> bool:
    """Write ``if (a && (read, b))`` for a truth value that is asked once: ``b`` after a read."""
    match three:
        case (
            n.Let(flag, None),
            n.If(condition, (n.Eval(n.ProbeRead() as read), n.Assign(one, known)), (n.Assign(other, n.Const(0)),)),
            n.If(n.Read(asked)) as branch,
        ) if one == other == asked == n.LocalPlace(flag) and isinstance(known, n.Expr):
            pass
        case _:
            return False
    if uses(context.function.body)[flag.id] != 3:
        return False
    context.at(branch)
    both = f"({context.effects.effect(read).text}, {context.expressions.condition(known).text})"
    left = context.expressions.condition(condition)
    _branch(context, branch, join(n.BinaryOp.LAND, left, Fragment(both, Binding.POSTFIX, t.S32), t.S32).text)
    return True


def _conjunction(context: FunctionContext, pair: n.Block) -> bool:
    """Write ``bool b = a && read == 0;`` where ``pair`` declares a truth value and reads if another one holds."""
    match pair:
        case (n.Let(n.Local(type=t.Bool()) as local, None), n.If(condition, (first, last), (other,)) as branch):
            value = _read_and_tested(local, first, last, other, context.expressions.folded)
        case _:
            return False
    if value is None:
        return False
    context.at(branch)
    both = join(n.BinaryOp.LAND, context.expressions.condition(condition), context.expressions.expr(value), t.S32)
    name = context.expressions.names[local.id] = context.scope.new(local.name or default_name(None))
    context.writer.line(f"{declare(context, local, name)} = {both.text};")
    return True


def _block(context: FunctionContext, block: n.Block) -> None:
    """Write statements in a scope of their own, one level deeper."""
    outer, stored = context.scope, dict(context.stored)
    context.scope = outer.inner()
    context.writer.depth += 1
    statements(context, block)
    context.writer.depth -= 1
    context.scope, context.stored = outer, stored


def _statement(context: FunctionContext, statement: n.Stmt) -> None:
    """Write one statement."""
    context.at(statement)
    match statement:
        case n.Let(local, n.StructValue() as value, beyond=True):
            let_in_frame(context, local, value)
        case n.Let(local, value, static=static):
            let(context, local, value, "static const " if static else "")
        case n.Assign(place, value):
            assign(context, place, value, opaque=id(statement) in context.kept_apart.opaque)
        case n.Eval(effect):
            context.writer.line(f"{context.effects.effect(effect).text};")
        case n.If():
            _if(context, statement)
        case n.For():
            from honey.emit.loops import write_loop

            write_loop(context, statement, lambda: _block(context, statement.body))
        case n.Scope(body):
            context.writer.line("{", mapped=False)
            _block(context, body)
            context.writer.line("}", mapped=False)
        case n.Break():
            context.writer.line("break;")
        case n.Return():
            context.writer.line(_return(context, statement))
        case n.Raise():
            raise_exception(context, statement)
    if isinstance(statement, (n.Let, n.Assign, n.Eval)):
        leave_if_raised(context, statement)


def _if(context: FunctionContext, statement: n.If, *, prefix: str = "") -> None:
    condition = context.expressions.condition(statement.condition).text
    if id(statement) in context.kept_apart.apart:
        condition = context.file.features.apart(condition)
    if statement.expected is not None:
        condition = context.file.features.expected(condition, truth=statement.expected)
    _branch(context, statement, condition, prefix)


def _branch(context: FunctionContext, statement: n.If, condition: str, prefix: str = "") -> None:
    """Write a branch whose condition is written already."""
    way_out = _one_line_exit(context, statement)
    if way_out is not None and not prefix and context.writer.fits(f"if ({condition}) {way_out}"):
        context.writer.line(f"if ({condition}) {way_out}")
        return
    context.writer.line(f"{prefix}if ({condition}) {{")
    opened = len(context.writer.lines)
    _block(context, statement.then)
    plain = not prefix and not statement.otherwise and isinstance(statement.then[-1], _PLAIN)
    if plain and context.writer.without_braces(opened):
        return
    match statement.otherwise:
        case ():
            context.writer.line("}", mapped=False)
        case (n.If() as inner,) if not _needs_memory(context, inner.condition):
            context.at(inner)
            _if(context, inner, prefix="} else ")
        case otherwise:
            context.writer.line("} else {", mapped=False)
            _block(context, otherwise)
            context.writer.line("}", mapped=False)


def _needs_memory(context: FunctionContext, condition: n.Expr) -> bool:
    """Whether writing the condition may declare a local first, which has no place behind an ``else``."""
    folded = context.expressions.folded
    return any(isinstance(node, n.LocalPlace) and node.local.id in folded for node in walk(condition))


def _one_line_exit(context: FunctionContext, statement: n.If) -> str | None:
    """What a branch does that only leaves the function or the loop."""
    if len(statement.then) != 1 or statement.otherwise:
        return None
    match statement.then[0]:
        case n.Return(value) as left if not isinstance(value, n.StructValue):
            return _return(context, left)
        case n.Break():
            return "break;"
        case n.Raise() as raised if not context.file.trace and context.function.section is not None:
            return None if discards(context, raised) else leave(context)
        case _:
            return None


def _return(context: FunctionContext, statement: n.Return) -> str:
    if statement.value is None:
        return "return;"
    value = context.expressions.answer(statement.value, context.function.result)
    if id(statement) in context.kept_apart.opaque:
        value = context.expressions.opaque(value, context.function.result)
    return f"return {value};"


def _read_and_tested(
    local: n.Local, first: n.Stmt, last: n.Stmt, other: n.Stmt, folded: dict[int, n.Expr | n.Effect]
) -> n.Expr | None:
    """What ``local`` is after a read that is written where its result is tested, if it is false without the read."""
    place = n.LocalPlace(local)
    match first, last, other:
        case n.Let(result, n.ProbeRead()), n.Assign(one, value), n.Assign(another, n.Const(0)):
            wanted = one == another == place and result.id in folded
            return value if wanted and isinstance(value, n.Expr) else None
        case _:
            return None
