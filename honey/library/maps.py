# SPDX-License-Identifier: Apache-2.0
"""``Honey.Map``, and what the map helpers share: keys, values, flags, references to what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import access, convert, expressions
from honey.analysis.code import Code, OpenIf, Slot, negate
from honey.analysis.conditions import Condition, branch_on
from honey.analysis.constants import kernel_constant
from honey.analysis.errors import suggestion
from honey.analysis.lowering import read
from honey.analysis.scope import OptionalFact, Scope
from honey.analysis.storage import Join
from honey.analysis.values import (
    AggregateValue,
    AtomValue,
    BoolValue,
    FunctionValue,
    IntValue,
    MemoryValue,
    OptionalValue,
    Snapshot,
    StringValue,
    UnionValue,
    Value,
    describe,
    integer,
    type_words,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import walk
from honey.ir.widths import bits_of
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.analysis.map_declarations import MapDeclaration
    from honey.library import Table

ALWAYS_THERE = (n.MapKind.ARRAY, n.MapKind.PERCPU_ARRAY)
"""Kinds of maps whose entries exist from the start."""

_EEXIST = 17
"""``EEXIST`` of the kernel: someone else has inserted the entry."""


def _known_map(fl: Lowering, value: Value) -> str | None:
    """A map whose name is given as a text."""
    name = value.data.decode(errors="replace") if isinstance(value, StringValue) else ""
    return f"a map is named by its atom: `:{name}`" if name in fl.unit.module.maps else None


def map_of(fl: Lowering, node: ast.Node, *, keyed: bool = True) -> MapDeclaration:
    """The map that an argument names."""
    value = fl.settled(fl.value(node))
    declared = fl.unit.module.maps.get(value.name) if isinstance(value, AtomValue) else None
    if declared is None:
        name = value.name if isinstance(value, AtomValue) else ""
        fl.report.forgive("map", name)
        raise fl.mistake(
            "HNY0500",
            f"there is no map {name}" if name else f"expected a map's name, got {describe(value)}",
            node.span,
            help=_known_map(fl, value)
            or suggestion(name, fl.unit.module.maps, ":{}")
            or f"declare it: `defmap(:{name or 'name'}, :bpf_hash, ...)`",
        )
    if declared.keyed != keyed:
        raise fl.mistake(
            "HNY0505",
            f"{declared.name} is {'not ' if keyed else ''}a map with keys",
            node.span,
            help="records of a ring buffer go through bpf_ringbuf_reserve or bpf_ringbuf_output" if keyed else None,
        )
    return declared


def _seen(value: Value) -> t.Type | None:
    if isinstance(value, StringValue):
        return t.Chars(len(value.data) + 1)
    if isinstance(value, UnionValue) and all(isinstance(each, StringValue) for each in value.alternatives):
        return t.Chars(max(len(each.data) for each in value.alternatives if isinstance(each, StringValue)) + 1)
    return value.type if isinstance(value, MemoryValue | AggregateValue | IntValue) else None


def _there(fl: Lowering, value: Value, span: Span) -> Value:
    """``value``, tested for nil; one of several texts or lists stays that until it is stored."""
    settled = fl.settled(value)
    return settled if isinstance(settled, UnionValue) else fl.required(value, span)


def key_of(fl: Lowering, declared: MapDeclaration, value: Value, span: Span) -> n.Expr:
    """A key, converted to the map's type."""
    value = _there(fl, value, span)
    type_ = fl.unit.key_type(declared, _seen(value))
    return convert.store(fl, value, type_, span, f"a key of {declared.name}", "HNY0503")


def value_of(fl: Lowering, declared: MapDeclaration, value: Value, span: Span) -> n.Expr:
    """A value, converted to the map's type."""
    value = _there(fl, value, span)
    type_ = fl.unit.value_type(declared, _seen(value))
    return convert.store(fl, value, type_, span, f"a value of {declared.name}", "HNY0504")


def pointer_name(declared: MapDeclaration) -> str:
    """What a reference into a map is called where the source gives it no name."""
    del declared
    return "entry"


def reference(fl: Lowering, declared: MapDeclaration, key: n.Expr, name: str, span: Span) -> n.Local:
    """Looks ``key`` up: a local with a nullable reference."""
    type_ = t.Ref(fl.unit.value_type(declared, None), t.Space.MAP, nullable=True)
    local = fl.fresh(name or pointer_name(declared), type_)
    fl.code.append(n.Let(local, n.MapLookup(declared.name, key, type_), span))
    return local


def stored(local: n.Local) -> n.DerefPlace:
    """What a nullable reference points to, where it is known to be there."""
    type_ = local.type
    assert isinstance(type_, t.Ref)
    known = n.NonNull(n.Read(n.LocalPlace(local), type_), t.Ref(type_.target, type_.space))
    return n.DerefPlace(known, type_.target)


def is_null(local: n.Local) -> n.Expr:
    """Whether a nullable reference is null."""
    return n.IsNull(n.Read(n.LocalPlace(local), local.type))


def optional(fl: Lowering, local: n.Local, what: str, name: str = "") -> OptionalValue:
    """The value behind a nullable reference: itself a reference if it lies in memory, else the number there."""
    present = access.read_place(stored(local), reference=True)
    snapshot = None
    if isinstance(present, IntValue | BoolValue):
        slot = Slot()
        fl.code.append(slot)
        snapshot = Snapshot(name, slot, fl.epoch)
    return OptionalValue(is_null(local), present, snapshot, what)


def lookup(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``bpf_map_lookup_elem(:map, key)``."""
    declared = map_of(fl, node.args[0])
    value = fl.value(node.args[1])
    key = key_of(fl, declared, value, node.args[1].span)
    local = reference(fl, declared, key, name, node.span)
    found = optional(fl, local, f"the look-up in {declared.name}", name)
    found.certain = declared.kind in ALWAYS_THERE and _is_below(fl, value, declared.max_entries)
    return found


def _is_below(fl: Lowering, value: Value, limit: int) -> bool:
    """Whether an index is known to be at least 0 and below ``limit``."""
    value = fl.settled(value)
    if not isinstance(value, IntValue) or value.type.big_endian:
        return False
    if isinstance(value.expr, n.Read) and isinstance(value.expr.place, n.LocalPlace):
        turns = fl.ranges.get(value.expr.place.local.id)
        if turns is not None:
            return bool(turns) and min(turns) >= 0 and max(turns) < limit
    if value.constant is not None:
        return 0 <= value.constant < limit
    bits = bits_of(value.expr, {})
    return bits is not None and 1 << bits <= limit


def lookup_or(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``bpf_map_lookup_elem(:map, key, default)``."""
    declared = map_of(fl, node.args[0])
    key_value, default = fl.operands(node.args[1:])
    key = key_of(fl, declared, key_value, node.args[1].span)
    local = reference(fl, declared, key, "", node.span)
    found = optional(fl, local, f"the look-up in {declared.name}", name)
    if isinstance(found.present, MemoryValue):
        found = OptionalValue(found.is_nil, MemoryValue(found.present.place), None, found.what)
    return present_or(fl, found, default, name, node)


def present_or(fl: Lowering, found: OptionalValue, default: Value, name: str, node: ast.Call) -> Value:
    """The value, or ``default``, which is the third argument of ``node``, where it is missing."""
    join = Join(fl, name, node.span)
    there = Condition(negate(found.is_nil), (OptionalFact(found, True),), (OptionalFact(found, False),))
    branch_on(
        fl,
        there,
        lambda: join.take_value(fl, found, node.span),
        lambda: join.take_value(fl, default, node.args[2].span),
        node.span,
    )
    return join.result(fl)


def flags(fl: Lowering, node: ast.Call, index: int) -> n.Expr:
    """The flags of an update: a constant or an integer, 0 if left out."""
    if len(node.args) <= index:
        return n.Const(0, t.U64, "BPF_ANY")
    value = fl.value(node.args[index])
    if isinstance(value, AtomValue):
        number = kernel_constant(value.name.upper())
        if number is None:
            raise fl.mistake(
                "HNY0507",
                f":{value.name} is no flag",
                node.args[index].span,
                help=suggestion(value.name.upper(), ("BPF_ANY", "BPF_NOEXIST", "BPF_EXIST"), ":{}"),
            )
        return n.Const(number, t.U64, value.name.upper())
    return convert.store(fl, value, t.U64, node.args[index].span, "the flag")


def update(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``bpf_map_update_elem(:map, key, value[, flag])``: 0 or -errno."""
    declared = map_of(fl, node.args[0])
    key_value, value = fl.operands(node.args[1:3])
    key = key_of(fl, declared, key_value, node.args[1].span)
    new = value_of(fl, declared, value, node.args[2].span)
    return result(fl, n.MapUpdate(declared.name, key, new, flags(fl, node, 3)), name, node.span)


def delete(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``bpf_map_delete_elem(:map, key)``: 0 or -errno."""
    declared = map_of(fl, node.args[0])
    key = key_of(fl, declared, fl.value(node.args[1]), node.args[1].span)
    return result(fl, n.MapDelete(declared.name, key), name, node.span)


def result(fl: Lowering, effect: n.Effect, name: str, span: Span) -> Value:
    """The number that an effect gives, in a local of its own."""
    return IntValue(fl.let(name, effect, span))


# ---------------------------------------------------------------- Honey.Map


def add(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Map.add(:map, key, n)``: adds atomically, to each field of a struct that is given; inserts when absent.

    Where another CPU inserts the entry between look-up and insertion, the insertion gives an error, and the amount is
    added to that entry: nothing that any CPU adds is lost. The value is 0.
    """
    del name
    declared = map_of(fl, node.args[0])
    key_value, amount = fl.operands(node.args[1:])
    span = node.span
    key = fixed_key(fl, key_of(fl, declared, key_value, node.args[1].span), node.args[1].span)
    amount = fl.required(amount, node.args[2].span, "ArithmeticError")
    first = value_of(fl, declared, amount, node.args[2].span)
    parts = _amounts(fl, first, node)
    local = reference(fl, declared, key, "", span)
    if declared.kind not in ALWAYS_THERE:
        error = fl.fresh("", t.S64)
        insert = n.MapUpdate(declared.name, key, first, n.Const(1, t.U64, "BPF_NOEXIST"))
        lost = n.Binary(n.BinaryOp.EQ, read(error), n.Const(-_EEXIST, t.S64), t.BOOL)
        type_ = local.type
        assert isinstance(type_, t.Ref)
        again = n.Assign(n.LocalPlace(local), n.MapLookup(declared.name, key, type_), span)
        fl.code.append(OpenIf(is_null(local), [n.Let(error, insert, span), OpenIf(lost, [again], [], span)], [], span))
    place = stored(local)
    adds: Code = [
        _add(n.FieldPlace(place, path, part.type) if path else place, part, span, aligned=_aligned(fl, first, path))
        for path, part in parts
    ]
    fl.code.append(OpenIf(negate(is_null(local)), adds, [], span))
    fl.epoch += 1
    return integer(0)


def _aligned(fl: Lowering, value: n.Expr, field: str) -> bool:
    """Whether a field of a stored value can be added to atomically: packed structs have some that cannot."""
    if not field or not isinstance(value.type, t.Struct):
        return True
    definition = fl.unit.module.structs.definition(value.type)
    found = definition.field(field) if definition is not None else None
    return found is not None and found.offset % found.type.size == 0


def _add(place: n.Place, amount: n.Expr, span: Span, *, aligned: bool) -> n.Stmt:
    if amount.type.size >= 4 and aligned:
        return n.Eval(n.AtomicAdd(place, amount), span)
    grown = n.Binary(n.BinaryOp.ADD, n.Read(place, amount.type), amount, amount.type)
    return n.Assign(place, grown, span)


def _amounts(fl: Lowering, amount: n.Expr, node: ast.Call) -> list[tuple[str, n.Expr]]:
    """What is added to which field; a number is added to the value itself."""
    span = node.args[2].span
    type_ = amount.type
    if isinstance(type_, t.Int) and not type_.big_endian:
        return [("", amount)]
    if not isinstance(type_, t.Struct):
        raise fl.mistake("HNY0504", f"there is no adding to {type_words(type_)}", span)
    if isinstance(amount, n.StructValue):
        found = [(field, part) for field, part in amount.fields if not (isinstance(part, n.Const) and not part.value)]
    else:
        assert isinstance(amount, n.Read)
        definition = fl.unit.module.structs.definition(type_)
        assert definition is not None
        found = [
            (field.name, n.Read(n.FieldPlace(amount.place, field.name, field.type), field.type))
            for field in definition.fields
            if not field.padding
        ]
    for field, part in found:
        if not isinstance(part.type, t.Int) or part.type.big_endian:
            raise fl.mistake("HNY0504", f"the field {field} is not a number that can be added to", span)
    return found


def fixed_key(fl: Lowering, key: n.Expr, span: Span) -> n.Expr:
    """A key that is used more than once lies in a local."""
    return key if isinstance(key, n.Read | n.Const) else fl.let("key", key, span)


def change(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Map.update(:map, key, initial, fn old -> new end)``: the value is 0."""
    del name
    declared = map_of(fl, node.args[0])
    key_value, initial = fl.operands(node.args[1:3])
    key = fixed_key(fl, key_of(fl, declared, key_value, node.args[1].span), node.args[1].span)
    first = value_of(fl, declared, initial, node.args[2].span)
    from honey.analysis import functions_as_values

    function = functions_as_values.function_of(fl, node.args[3])
    local = reference(fl, declared, key, "", node.span)
    place = stored(local)
    with fl.block() as changed:
        if not _change_fields(fl, place, function, node.span):
            old = access.read_place(place, reference=False)
            value = functions_as_values.applied(fl, function, [old], node.span)
            fl.assign(place, value_of(fl, declared, value, node.args[3].span), node.span)
    insert = n.Eval(n.MapUpdate(declared.name, key, first, n.Const(0, t.U64, "BPF_ANY")), node.span)
    absent: Code = [] if declared.kind in ALWAYS_THERE else [insert]
    fl.code.append(OpenIf(negate(is_null(local)), changed, absent, node.span))
    fl.epoch += 1
    return integer(0)


def _change_fields(fl: Lowering, place: n.DerefPlace, function: FunctionValue, span: Span) -> bool:
    """``fn old -> %{old | a: x} end``: only the fields named are written."""
    if len(function.fn.clauses) != 1 or not isinstance(place.type, t.Struct):
        return False
    clause = function.fn.clauses[0]
    body = clause.body.exprs[0] if len(clause.body.exprs) == 1 else None
    pattern = clause.patterns[0] if len(clause.patterns) == 1 else None
    if clause.guard is not None or not isinstance(body, ast.MapLit) or not isinstance(pattern, ast.Var):
        return False
    if not isinstance(body.base, ast.Var) or body.base.name != pattern.name:
        return False
    outer, fl.scope = fl.scope, Scope(fl.scope, function.names)
    try:
        fl.scope.bind(pattern.name, MemoryValue(place), pattern.span)
        fields = expressions.field_values(fl, place.type, body.entries)
    finally:
        fl.scope = outer
    written: set[str] = set()
    fixed = []
    for name, expr in fields:
        fixed.append((name, fl.let("", expr, span) if _reads(expr) & written else expr))
        written.add(name)
    for name, expr in fixed:
        fl.assign(n.FieldPlace(place, name, expr.type), expr, span)
    return True


def _reads(expr: n.Expr) -> set[str]:
    """The fields that ``expr`` reads, by name."""
    return {node.field for node in walk(expr) if isinstance(node, n.FieldPlace)}


CHANGES: Table = {("add", 3): add, ("update", 4): change}
"""Calls of ``Honey.Map``, with those of :mod:`honey.library.entries`."""
