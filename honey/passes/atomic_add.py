# SPDX-License-Identifier: Apache-2.0
"""Adds to numbers in shared maps in one step: ``entry->count = entry->count + n`` becomes an atomic add.

It takes one instruction where load, add and store take three, and loses nothing when several CPUs count in one entry.

Proof obligation: on one CPU the number is the same afterwards. With several at work, the atomic add is what the three
steps do when nobody comes in between. Only numbers of 32 or 64 bits at their natural alignment, in maps that CPUs
share: the values of per-CPU maps have one writer each, records of a ring buffer one as well. What is added must not
depend on what was there: taking away no more than there is would take too much if two CPUs did it at once.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import reads
from honey.ir.symbols import Symbols
from honey.ir.walk import pick, rewrite_block, root_place, walk
from honey.passes.constant_folding import fold
from honey.passes.references import Origins
from honey.passes.rewriting import LETS, each_function, with_body

_ASSIGNMENTS = frozenset((n.Assign,))
_SHARED = {n.MapKind.HASH, n.MapKind.ARRAY, n.MapKind.LRU_HASH}


def run(program: n.Program) -> n.Program:
    """``program`` with additions to shared entries made atomic."""
    symbols = Symbols.of(program)
    origins = Origins(program, symbols)

    def rule(function: n.Function) -> n.Function:
        values = {node.local: node.value for node in pick(function.body, LETS)}

        def statement(node: object) -> object:
            if isinstance(node, n.Assign) and _is_shared(node.place, function, origins, symbols):
                amount = _added(node)
                if amount is not None and not _depends_on(amount, node.place, values):
                    return n.Eval(n.AtomicAdd(node.place, amount), node.span)
            return node

        return with_body(function, rewrite_block(function.body, statement, _ASSIGNMENTS))

    return each_function(program, rule)


def _added(statement: n.Assign) -> n.Expr | None:
    """What ``place = place + amount`` (or ``-``) adds."""
    value, reading = statement.value, n.Read(statement.place, statement.place.type)
    if isinstance(value, n.Cast) and isinstance(value.operand.type, t.Int):
        value = value.operand
    if not isinstance(value, n.Binary) or value.op not in (n.BinaryOp.ADD, n.BinaryOp.SUB):
        return None
    if value.type.size < statement.place.type.size:
        return None
    for one, other in ((value.left, value.right), (value.right, value.left)):
        if _stripped(one) == reading and not _reads_map(other):
            if value.op is n.BinaryOp.ADD:
                return _as(other, statement.place.type)
            return _as(n.Unary(n.UnaryOp.NEG, other, other.type), statement.place.type) if one is value.left else None
    return None


def _stripped(expr: n.Expr) -> n.Expr:
    """The operand of a cast that only widens or changes the sign: the low bits are the same."""
    return expr.operand if isinstance(expr, n.Cast) and isinstance(expr.operand.type, t.Int) else expr


def _as(expr: n.Expr, type_: t.Type) -> n.Expr:
    folded = fold(n.Cast(expr, type_))
    assert isinstance(folded, n.Expr)
    return folded


def _reads_map(expr: n.Expr) -> bool:
    """Whether other map memory is read as well; it might be the same number."""
    return t.Space.MAP in reads(expr).spaces


def _depends_on(amount: n.Expr, place: n.Place, values: dict[n.Local, n.Expr | n.Effect | None]) -> bool:
    """Whether ``amount`` is computed from what ``place`` held before, as in taking no more than there is."""
    for node in walk(amount):
        if isinstance(node, n.LocalPlace):
            value = values.get(node.local)
            if isinstance(value, n.Expr) and (place in walk(value) or _depends_on(value, place, values)):
                return True
    return False


def _is_shared(place: n.Place, function: n.Function, origins: Origins, symbols: Symbols) -> bool:
    if not isinstance(place.type, t.Int) or place.type.bits < 32 or place.type.big_endian or symbols.in_bits(place):
        return False
    root = root_place(place)
    if not isinstance(root, n.DerefPlace) or not isinstance(root.ref.type, t.Ref):
        return False
    if root.ref.type.space is not t.Space.MAP or not _aligned(place, symbols):
        return False
    maps = origins.maps(root.ref, function)
    return bool(maps) and maps is not None and all(symbols.maps[name].kind in _SHARED for name in maps)


def _aligned(place: n.Place, symbols: Symbols) -> bool:
    """Whether every struct on the way keeps its fields' natural alignment."""
    while isinstance(place, (n.FieldPlace, n.IndexPlace)):
        if isinstance(place, n.FieldPlace) and isinstance(place.base.type, t.Struct):
            definition = symbols.structs[place.base.type.name]
            fields = symbols.fields(place.base.type, place.field) or ()
            if definition.packed or any(field.offset % field.type.align for field in fields):
                return False
        place = place.base
    return True
