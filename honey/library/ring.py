# SPDX-License-Identifier: Apache-2.0
"""``Honey.Ring``: records that are made in a ring buffer itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import convert, expressions
from honey.analysis.code import OpenIf, negate
from honey.analysis.values import AggregateValue, MemoryValue, Value, integer
from honey.ir import nodes as n
from honey.ir import types as t
from honey.library import maps
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.analysis.map_declarations import MapDeclaration
    from honey.library import Table


def emit(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Ring.emit(:map, %event{...})``: reserves a record, fills it and submits it; the value is 0.

    Where the buffer is full nothing happens, and the fields are not worked out. A struct that has been made before is
    copied there.
    """
    del name
    declared = maps.map_of(fl, node.args[0], keyed=False)
    literal = node.args[1]
    if not isinstance(literal, ast.StructLit) or literal.base is not None:
        return _copied(fl, declared, node)
    struct = expressions.named_struct(fl, literal.name)
    reference = t.Ref(struct, t.Space.RINGBUF, nullable=True)
    record = fl.fresh("record", reference)
    fl.code.append(n.Let(record, n.RingReserve(declared.name, reference), node.span))
    place = maps.stored(record)
    with fl.block() as filled:
        if not _fills(fl, struct, len(literal.entries)):
            # The kernel does not clear records.
            fl.assign(place, n.StructValue((), struct), node.span)
        given = set[str]()
        for pair in literal.entries:
            ((field, value),) = expressions.field_values(fl, struct, (pair,))
            if field in given:
                raise fl.mistake("HNY0205", f"the field {field} is set twice", pair.span)
            given.add(field)
            fl.assign(n.FieldPlace(place, field, value.type), value, pair.span)
        fl.run(n.RingFinish(place.ref, discard=False, flags=n.Const(0, t.U64)), node.span)
    fl.code.append(OpenIf(negate(maps.is_null(record)), filled, [], node.span))
    return integer(0)


def _copied(fl: Lowering, declared: MapDeclaration, node: ast.Call) -> Value:
    """A struct that is there already goes into the ring buffer as it is."""
    span = node.args[1].span
    value = fl.required(fl.value(node.args[1]), span)
    type_ = value.type if isinstance(value, MemoryValue | AggregateValue) else None
    if not isinstance(type_, t.Struct):
        raise fl.mismatch("a struct, as `%event{pid: pid}`", value, span)
    copied = convert.store(fl, value, type_, span)
    fl.run(n.RingOutput(declared.name, copied, n.Const(0, t.U64)), node.span)
    return integer(0)


def _fills(fl: Lowering, struct: t.Struct, given: int) -> bool:
    """Whether so many fields are all that the struct has, padding included."""
    definition = fl.unit.module.structs.definition(struct)
    return definition is not None and len(definition.fields) == given


TABLES: dict[str, Table] = {"Honey.Ring": {("emit", 2): emit}}
