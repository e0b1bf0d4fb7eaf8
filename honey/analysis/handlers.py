# SPDX-License-Identifier: Apache-2.0
"""Handlers: the functions that the kernel calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis.bodies import body_of, finished, lowering
from honey.analysis.lowering import Lowering, read
from honey.analysis.values import (
    AtomValue,
    ContextValue,
    IntValue,
    NilValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.kernel.results import ZERO, allowed, passing
from honey.kernel.sections import Context, Section
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.module import FunctionDeclaration
    from honey.analysis.unit import Unit


def handler(unit: Unit, declared: FunctionDeclaration) -> None:
    """Analyses a handler and adds it to the program."""
    assert declared.section is not None
    fl = lowering(unit, declared, declared.section)
    context = fl.fresh("ctx", context_type(unit, declared.section))
    first = declared.clauses[0].patterns[0]
    if isinstance(first, ast.Var) and not first.name.startswith("_"):
        context = n.Local(context.id, first.name, context.type)
    fl.context = read(context)
    value = ContextValue(fl.context)
    body_of(fl, declared, [value])
    body = finished(fl, declared, lambda found, span: _status(fl, declared, found, span))
    if body is not None:
        unit.functions.append(
            n.Function(
                declared.name,
                (context,),
                t.S32,
                body,
                declared.section,
                fl.may_raise,
                n.Inline.AUTO,
                declared.span,
                declared.doc,
            )
        )


def context_type(unit: Unit, section: Section) -> t.Ref:
    """What the kernel hands to a handler in ``section``."""
    name = section.context
    if section.shape is Context.REGISTERS:
        name = "pt_regs"
    struct = unit.module.structs.find(name) if name else None
    if section.shape is Context.ARGUMENTS or struct is None:
        return t.Ref(t.Array(t.U64, 12), t.Space.CONTEXT)
    return t.Ref(struct, t.Space.CONTEXT)


def _status(fl: Lowering, declared: FunctionDeclaration, value: Value, span: Span) -> list[n.Expr]:
    from honey.analysis import convert

    value = fl.required(value, span) if not isinstance(value, NilValue) else value
    if not isinstance(value, IntValue):
        if isinstance(value, AtomValue) and value.name.isupper():
            from honey.analysis import unknown

            raise unknown.constant(fl, value.name, span, ":{}")
        action = passing(declared.section)
        example = "(or an action such as `:XDP_PASS`)" if action == "0" else "or another action"
        raise fl.mistake(
            "HNY0600",
            f"the handler {declared.name} ends with {describe(value)}, and must give an integer",
            span,
            help=f"end it with `{action}` {example}",
        )
    if value.type.big_endian:
        raise convert.byte_order(fl, value.type, t.S32, span)
    if declared.section is not None and allowed(declared.section) == ZERO:
        return [n.Const(0, t.S32)]  # the kernel does not look at it, and the verifier takes nothing else
    return [convert.cast(value.expr, t.S32)]
