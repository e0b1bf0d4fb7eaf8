# SPDX-License-Identifier: Apache-2.0
"""``ctx.mark = 1``: the fields of a context that the kernel lets programs write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import convert
from honey.analysis.context import NETWORK_ORDER
from honey.analysis.values import ContextValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.context_reads import in_context
from honey.kernel.context_writes import writable
from honey.kernel.sections import Context
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering


def place(fl: Lowering, context: ContextValue, node: ast.Dot) -> n.Place:
    """The place of a field that may be written; raises ``Mistake`` for all others."""
    type_ = context.expr.type
    struct = type_.target if isinstance(type_, t.Ref) else None
    allowed = _allowed(fl, struct) if isinstance(struct, t.Struct) else []
    if not allowed or not isinstance(struct, t.Struct):
        raise fl.mistake(
            "HNY0607",
            "the kernel lets such a program change nothing in its context",
            node.span,
            help="packet bytes are changed through `Honey.Packet.at` or `Honey.Ethhdr`",
        )
    if node.name not in allowed:
        raise fl.mistake(
            "HNY0607",
            f"the kernel lets such a program change {', '.join(allowed)} of its context, and not {node.name}",
            node.name_span,
            help="keep the value in a variable",
        )
    field = fl.unit.module.structs.field(struct, node.name)
    assert field is not None
    return n.FieldPlace(n.DerefPlace(context.expr, struct), field.name, field.type)


def _allowed(fl: Lowering, struct: t.Struct) -> list[str]:
    """The fields that each program may write that may be at work here: functions are shared."""
    handlers = [declared.section for declared in fl.unit.module.handlers if declared.section is not None]
    sections = [fl.section] if fl.section is not None else [s for s in handlers if s.context == struct.name]
    found = [writable(section) for section in sections if section.shape is Context.STRUCT]
    return [name for name in found[0] if all(name in fields for fields in found)] if found else []


def stored(fl: Lowering, value: Value, target: n.Place, node: ast.Binary, what: str) -> n.Expr:
    """``value`` as the field holds it: some are declared in host order, and hold network order."""
    if not isinstance(target.type, t.Int):
        raise fl.mistake(
            "HNY0607", "this is changed element by element", node.left.span, help=f"write `{_text(fl, node)}[0] = x`"
        )
    order = _order(target)
    if order is None:
        return convert.store(fl, value, target.type, node.right.span, what)
    expr = convert.store(fl, value, order, node.right.span, what)
    return n.Cast(n.Cast(expr, t.Int(order.bits)), target.type)


def _text(fl: Lowering, node: ast.Binary) -> str:
    return fl.report.source.text(node.left.span)


def _order(target: n.Place) -> t.Int | None:
    if not isinstance(target, n.FieldPlace) or not isinstance(target.base.type, t.Struct) or not in_context(target):
        return None
    return NETWORK_ORDER.get((target.base.type.name, target.field))
