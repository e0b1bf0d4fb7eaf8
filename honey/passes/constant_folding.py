# SPDX-License-Identifier: Apache-2.0
"""Computes what is known at compile time, and drops operations that change nothing.

Proof obligation: each row replaces an expression by one with the same value for every value of its operands, in the
wrapping arithmetic of `honey.ir.arithmetic`. Expressions have no effects and cannot fail, so an operand may be dropped.
A branch on a constant is replaced by the side that is taken, and what follows a side that leaves is dropped.
"""

from __future__ import annotations

from collections.abc import Callable

from honey.ir import arithmetic
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.verify import leaves
from honey.ir.walk import map_blocks, rewrite_block
from honey.passes.rewriting import each_function, with_body

Op = n.BinaryOp
Row = Callable[[n.Expr], "n.Expr | None"]

_INVERSE = {Op.EQ: Op.NE, Op.NE: Op.EQ, Op.LT: Op.GE, Op.GE: Op.LT, Op.GT: Op.LE, Op.LE: Op.GT}
_MIRRORED = {Op.EQ: Op.EQ, Op.NE: Op.NE, Op.LT: Op.GT, Op.GT: Op.LT, Op.LE: Op.GE, Op.GE: Op.LE}
_COMMUTATIVE = {Op.ADD, Op.MUL, Op.AND, Op.OR, Op.XOR}
_NEUTRAL_RIGHT = {Op.ADD: 0, Op.SUB: 0, Op.OR: 0, Op.XOR: 0, Op.SHL: 0, Op.SHR: 0, Op.MUL: 1, Op.DIV: 1}
_ABSORBING_RIGHT = {Op.AND: 0, Op.MUL: 0}


def run(program: n.Program) -> n.Program:
    """``program`` with constants folded."""
    return each_function(program, lambda function: with_body(function, fold_block(function.body)))


def fold_block(block: n.Block) -> n.Block:
    """A block with its expressions folded and its decided branches taken."""
    return map_blocks(rewrite_block(block, fold, _FOLDED), _take_branches)


def fold(node: object) -> object:
    """A node whose children are folded, folded itself."""
    while isinstance(node, n.Expr):
        rows = _ROWS.get(type(node), ())
        better = next((found for row in rows if (found := row(node)) is not None), None)
        if better is None:
            break
        node = better
    return node


def _take_branches(block: n.Block) -> n.Block:
    if not any(isinstance(one, n.If) and isinstance(one.condition, n.Const) for one in block):
        return block
    out: list[n.Stmt] = []
    for statement in block:
        if isinstance(statement, n.If) and isinstance(statement.condition, n.Const):
            taken = statement.then if statement.condition.value else statement.otherwise
            out.extend(taken)
            if leaves(taken):
                break
        else:
            out.append(statement)
    return tuple(out)


def _number(expr: n.Expr) -> int | None:
    """The value of a constant that is a number."""
    return expr.value if isinstance(expr, n.Const) and not isinstance(expr.type, t.Ref) else None


def _const(value: int, type_: t.Type) -> n.Const:
    return n.Const(arithmetic.wrap(value, type_), type_)


# ---------------------------------------------------------------- rows


def _unary_of_constant(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Unary)
    value = _number(expr.operand)
    return _const(arithmetic.unary(expr.op, value, expr.type), expr.type) if value is not None else None


def _not(expr: n.Expr) -> n.Expr | None:
    match expr:
        case n.Unary(n.UnaryOp.NOT, n.Unary(n.UnaryOp.NOT, operand)):
            return operand
        case n.Unary(n.UnaryOp.NOT, n.Binary(op, left, right, type_)) if op in _INVERSE:
            return n.Binary(_INVERSE[op], left, right, type_)
        case _:
            return None


def _binary_of_constants(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Binary)
    left, right = _number(expr.left), _number(expr.right)
    if left is None or right is None or (right == 0 and expr.op in (Op.DIV, Op.MOD)):
        return None
    return _const(arithmetic.binary(expr.op, left, right, expr.left.type), expr.type)


def _constant_to_the_right(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Binary)
    if _number(expr.left) is None or _number(expr.right) is not None:
        return None
    if expr.op in _COMMUTATIVE:
        return n.Binary(expr.op, expr.right, expr.left, expr.type)
    if expr.op in _MIRRORED:
        return n.Binary(_MIRRORED[expr.op], expr.right, expr.left, expr.type)
    return None


def _neutral(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Binary)
    value = _number(expr.right)
    if value is None or not isinstance(expr.type, t.Int):
        return None
    if _NEUTRAL_RIGHT.get(expr.op) == value or (expr.op is Op.AND and value == arithmetic.wrap(-1, expr.type)):
        return expr.left
    if _ABSORBING_RIGHT.get(expr.op) == value or (expr.op is Op.MOD and value == 1):
        return _const(0, expr.type)
    return None


def _sums(expr: n.Expr) -> n.Expr | None:
    """``(x + a) + b`` is ``x + (a + b)``, also where wrapping happens on the way."""
    match expr:
        case n.Binary(Op.ADD, n.Binary(Op.ADD, inner, n.Const(first)), n.Const(second), type_):
            return n.Binary(Op.ADD, inner, _const(first + second, type_), type_)
        case _:
            return None


def _logic(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Binary)
    if not expr.op.logical:
        return None
    for one, other in ((expr.left, expr.right), (expr.right, expr.left)):
        value = _number(one)
        if value is not None:
            decides = bool(value) is (expr.op is Op.LOR)
            return one if decides else other
    return expr.left if _is_part(expr.right, expr.left, expr.op) else None


def _is_part(expr: n.Expr, whole: n.Expr, op: Op) -> bool:
    """Whether ``whole`` says ``expr`` already: ``a`` in ``a && b``."""
    while isinstance(whole, n.Binary) and whole.op is op:
        if expr == whole.right:
            return True
        whole = whole.left
    return expr == whole


def _truth_compared(expr: n.Expr) -> n.Expr | None:
    """A truth value, or one made a number, compared with a constant is itself or its opposite."""
    assert isinstance(expr, n.Binary)
    value = _number(expr.right)
    if expr.op not in (Op.EQ, Op.NE) or value not in (0, 1):
        return None
    truth = expr.left
    if isinstance(truth, n.Cast) and isinstance(truth.operand.type, t.Bool):
        truth = truth.operand
    if not isinstance(truth.type, t.Bool):
        return None
    return truth if (value == 1) is (expr.op is Op.EQ) else n.Unary(n.UnaryOp.NOT, truth, t.BOOL)


def _narrow_comparison(expr: n.Expr) -> n.Expr | None:
    """A widened number compared with a constant is the number itself compared, if the constant fits its type."""
    match expr:
        case n.Binary(op, n.Cast(inner, t.Int() as wide), n.Const(value, name=name)) if op.compares:
            small = inner.type
            if isinstance(small, t.Int) and not small.big_endian and _widens(small, wide) and small.bits < wide.bits:
                fits = arithmetic.wrap(value, small) == value
                return n.Binary(op, inner, n.Const(value, small, name), t.BOOL) if fits else None
    return None


def _cast_of_constant(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Cast)
    value = _number(expr.operand)
    if value is None or isinstance(expr.type, t.Ref) or (isinstance(expr.type, t.Address) and value != 0):
        return None
    result = arithmetic.cast(value, expr.operand.type, expr.type)
    name = expr.operand.name if isinstance(expr.operand, n.Const) and result == value else ""
    return n.Const(result, expr.type, name)


def _casts(expr: n.Expr) -> n.Expr | None:
    """A cast to the type that is there already; of two casts, a first one that loses nothing the second keeps."""
    assert isinstance(expr, n.Cast)
    if expr.operand.type == expr.type:
        return expr.operand
    match expr:
        case n.Cast(n.Cast(inner, t.Int() as middle), t.Int() as outer) if isinstance(inner.type, (t.Int, t.Bool)):
            if _plain(inner.type) and _plain(middle) and _plain(outer):
                keeps = outer.bits <= middle.bits or _widens(inner.type, middle)
                return n.Cast(inner, outer) if keeps else None
    return None


def _plain(type_: t.Type) -> bool:
    return isinstance(type_, t.Bool) or (isinstance(type_, t.Int) and not type_.big_endian)


def _widens(inner: t.Type, outer: t.Int) -> bool:
    """Whether the outer type holds every number of the inner one."""
    if isinstance(inner, t.Int):
        same = inner.signed == outer.signed and outer.bits >= inner.bits
        return same or (outer.signed and outer.bits > inner.bits)
    return True


def _swap_of_constant(expr: n.Expr) -> n.Expr | None:
    match expr:
        case n.ByteSwap(_, n.Const(value, t.Int(bits)), type_):
            return _const(arithmetic.swap(value, bits), type_)
        case n.ByteSwap(_, n.ByteSwap(_, inner), type_) if inner.type == type_:
            return inner
        case _:
            return None


def _select(expr: n.Expr) -> n.Expr | None:
    assert isinstance(expr, n.Select)
    value = _number(expr.condition)
    if value is not None:
        return expr.then if value else expr.otherwise
    if expr.then == expr.otherwise:
        return expr.then
    sides = _number(expr.then), _number(expr.otherwise)
    if sides == (1, 0) and isinstance(expr.type, (t.Bool, t.Int)):
        return n.Cast(expr.condition, expr.type)
    if sides == (0, 1) and isinstance(expr.type, (t.Bool, t.Int)):
        return n.Cast(n.Unary(n.UnaryOp.NOT, expr.condition, t.BOOL), expr.type)
    return None


def _at_least_one(expr: n.Expr) -> n.Expr | None:
    """``x == 0 ? 1 : x`` and ``x != 0 ? x : 1`` of unsigned numbers are the larger of ``x`` and 1."""
    match expr:
        case n.Select(n.Binary(Op.EQ, tested, n.Const(0)), n.Const(1) as least, number, t.Int(signed=False) as type_):
            pass
        case n.Select(n.Binary(Op.NE, tested, n.Const(0)), number, n.Const(1) as least, t.Int(signed=False) as type_):
            pass
        case _:
            return None
    return n.Select(n.Binary(Op.GT, number, least, t.BOOL), number, least, type_) if tested == number else None


def _is_null(expr: n.Expr) -> n.Expr | None:
    match expr:
        case n.IsNull(n.Const()):
            return n.Const(1, t.BOOL)
        case n.IsNull(n.AddressOf() | n.NonNull()):
            return n.Const(0, t.BOOL)
        case _:
            return None


def _dereferenced_address(expr: n.Expr) -> n.Expr | None:
    """Reading through the address of a place is reading the place."""
    match expr:
        case n.Read(n.DerefPlace(n.AddressOf(place)), type_) if place.type == type_:
            return n.Read(place, type_)
        case _:
            return None


_ROWS: dict[type, tuple[Row, ...]] = {
    n.Unary: (_unary_of_constant, _not),
    n.Binary: (
        _binary_of_constants,
        _constant_to_the_right,
        _neutral,
        _sums,
        _logic,
        _truth_compared,
        _narrow_comparison,
    ),
    n.Cast: (_cast_of_constant, _casts),
    n.ByteSwap: (_swap_of_constant,),
    n.Select: (_select, _at_least_one),
    n.IsNull: (_is_null,),
    n.Read: (_dereferenced_address,),
}

_FOLDED = frozenset(_ROWS) - {n.Read} | {n.DerefPlace}
"""The nodes without which nothing is folded; of reads only those through references are."""
