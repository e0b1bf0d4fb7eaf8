# SPDX-License-Identifier: Apache-2.0
"""Statements under construction.

While a function is analysed, its blocks stay open: a :class:`Slot` keeps a place free for statements that are only
known later (the value of a branch once all branches are known, a read at the point where it became safe). ``finish``
makes IR of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from honey.ir import nodes as n
from honey.records import dataclass, field
from honey.syntax.source import Span


@dataclass(slots=True, eq=False)
class Slot:
    """A place for statements to come; empty ones leave no trace."""

    code: Code = field(default_factory=list)


@dataclass(slots=True, eq=False)
class OpenIf:
    """An ``If`` whose blocks may still grow."""

    condition: n.Expr
    then: Code
    otherwise: Code
    span: Span | None


@dataclass(slots=True, eq=False)
class OpenFor:
    """A ``For`` whose body may still grow."""

    local: n.Local
    numbers: range
    body: Code
    span: Span | None


Item = n.Stmt | Slot | OpenIf | OpenFor
Code = list[Item]

_EXITS = (n.Return, n.Raise, n.Break)


def statements(code: Code) -> Iterator[n.Stmt | OpenIf | OpenFor]:
    """The statements of a block, those in slots included."""
    for item in code:
        if isinstance(item, Slot):
            yield from statements(item.code)
        else:
            yield item


def is_empty(code: Code) -> bool:
    """Whether nothing stands in the block so far."""
    return next(statements(code), None) is None


def only_reads(code: Code, *, or_raises: bool = False) -> bool:
    """Whether the block does no more than give names to values, and raise if that is allowed."""
    for item in statements(code):
        match item:
            case OpenIf():
                if not all(only_reads(side, or_raises=or_raises) for side in (item.then, item.otherwise)):
                    return False
            case n.Raise() if or_raises:
                pass
            case n.Let(_, value) | n.Assign(n.LocalPlace(), value):
                if not (value is None or isinstance(value, n.Expr)):
                    return False
            case _:
                return False
    return True


def assigns(code: Code, local: n.Local) -> bool:
    """Whether some way through the block assigns to ``local``."""
    return any(
        (isinstance(item, n.Assign) and item.place == n.LocalPlace(local))
        or (isinstance(item, OpenIf) and (assigns(item.then, local) or assigns(item.otherwise, local)))
        or (isinstance(item, OpenFor) and assigns(item.body, local))
        for item in statements(code)
    )


def raises(code: Code) -> bool:
    """Whether some way through the block raises."""
    return any(
        isinstance(item, n.Raise) or (isinstance(item, OpenIf) and (raises(item.then) or raises(item.otherwise)))
        for item in statements(code)
    )


def leaves(code: Code) -> bool:
    """Whether the block never runs to its end."""
    return any(
        isinstance(item, _EXITS) or (isinstance(item, OpenIf) and leaves(item.then) and leaves(item.otherwise))
        for item in statements(code)
    )


def finish(code: Code) -> n.Block:
    """The block as IR; what stands behind the point where it is left is dropped."""
    block: list[n.Stmt] = []
    for item in statements(code):
        if isinstance(item, OpenIf):
            block.extend(_finish_if(item))
        elif isinstance(item, OpenFor):
            numbers = item.numbers
            body = finish(item.body)
            block.append(n.For(item.local, numbers.start, numbers.stop, numbers.step, body, item.span))
        else:
            block.append(item)
        if isinstance(item, _EXITS) or (isinstance(item, OpenIf) and leaves([item])):
            break
    return tuple(block)


def _finish_if(item: OpenIf) -> Iterator[n.Stmt]:
    then, otherwise = finish(item.then), finish(item.otherwise)
    if then:
        yield n.If(item.condition, then, otherwise, item.span)
    elif otherwise:
        yield n.If(negate(item.condition), otherwise, (), item.span)


_OPPOSITES = {
    n.BinaryOp.EQ: n.BinaryOp.NE,
    n.BinaryOp.NE: n.BinaryOp.EQ,
    n.BinaryOp.LT: n.BinaryOp.GE,
    n.BinaryOp.GE: n.BinaryOp.LT,
    n.BinaryOp.GT: n.BinaryOp.LE,
    n.BinaryOp.LE: n.BinaryOp.GT,
}


def negate(condition: n.Expr) -> n.Expr:
    """The opposite of a truth value, as one would write it."""
    match condition:
        case n.Unary(n.UnaryOp.NOT, operand):
            return operand
        case n.Binary(op, left, right, type_) if op in _OPPOSITES:
            return n.Binary(_OPPOSITES[op], left, right, type_)
        case n.Const(value, type_):
            return n.Const(int(not value), type_)
        case _:
            return n.Unary(n.UnaryOp.NOT, condition, condition.type)
