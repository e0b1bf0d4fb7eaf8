# SPDX-License-Identifier: Apache-2.0
"""Exceptions as C: a function that raised says so by a variable of the handler, and all leave one after the other."""

from __future__ import annotations

from honey.emit.context import FunctionContext
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import walk
from honey.kernel.results import when_raised


def raised_parameter(context: FunctionContext) -> str:
    """The parameter by which a function tells that it raised."""
    context.file.features.boolean()
    context.raised = context.effects.raised = context.scope.new("raised")
    return f"bool *{context.raised}"


def declare_raised(context: FunctionContext) -> None:
    """Declare the variable by which a handler learns that a function raised, if it calls one that may."""
    functions = context.file.symbols.functions
    nodes = walk(context.function.body)
    if any(isinstance(node, n.Call) and functions[node.function].may_raise for node in nodes):
        context.file.features.boolean()
        context.raised = context.scope.new("raised")
        context.effects.raised = f"&{context.raised}"
        context.writer.line(f"bool {context.raised} = false;")


def raise_exception(context: FunctionContext, statement: n.Raise) -> None:
    """Say what happened if that is wanted, note it for the callers, and leave."""
    if context.file.trace:
        line = statement.span.line if statement.span is not None else 0
        words = f"** ({statement.exception}) {statement.detail}".rstrip()
        text = f"{words} at {context.file.file}:{line}"
        plain = "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
        context.writer.line(f"{context.effects.effect(n.Printk(plain.replace('%', '%%'), ())).text};")
    if context.function.section is None:
        context.writer.line(f"*{context.raised} = true;")
    for part in (*discards(context, statement), leave(context)):
        context.writer.line(part)


def discards(context: FunctionContext, statement: n.Stmt) -> list[str]:
    """An exception gives back the records that are reserved where it happens."""
    lines = []
    for one in context.open_records.at.get(id(statement), ()):
        name = context.expressions.names[one.local.id]
        lines.append(f"{'' if one.sure else f'if ({name}) '}bpf_ringbuf_discard({name}, 0);")
    return lines


def leave_if_raised(context: FunctionContext, statement: n.Let | n.Assign | n.Eval) -> None:
    """Leave behind a call of a function that raised."""
    effect = statement.effect if isinstance(statement, n.Eval) else statement.value
    if isinstance(effect, n.Call) and context.file.symbols.functions[effect.function].may_raise:
        test = context.raised if context.function.section is not None else f"*{context.raised}"
        given_back = discards(context, statement)
        if not given_back:
            context.writer.line(f"if ({test}) {leave(context)}")
            return
        context.writer.open(f"if ({test}) {{")
        for line in (*given_back, leave(context)):
            context.writer.line(line)
        context.writer.close()


def leave(context: FunctionContext) -> str:
    """The statement that leaves the function; what it gives back does not count."""
    match context.function.result:
        case t.Void():
            return "return;"
        case t.Ref() | t.Address():
            return f"return {context.file.features.null()};"
        case t.Bool():
            return "return false;"
        case _:
            section = context.function.section
            return f"return {when_raised(section) if section is not None else 0};"
