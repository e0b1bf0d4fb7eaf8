# SPDX-License-Identifier: Apache-2.0
"""``Honey.Map``: entries that are made when they are first asked for, and those that are taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import access
from honey.analysis.code import OpenIf, negate
from honey.analysis.values import OptionalValue, Value
from honey.ir import nodes as n
from honey.ir import types as t
from honey.library import maps
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import Table


def entry(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Map.entry(:map, key, initial)``: what is stored, ``initial`` where nothing was; nil if the map is full.

    Where another CPU inserts the entry between look-up and insertion, its entry is the one that is given.
    """
    declared = maps.map_of(fl, node.args[0])
    key_value, initial = fl.operands(node.args[1:])
    key = maps.fixed_key(fl, maps.key_of(fl, declared, key_value, node.args[1].span), node.args[1].span)
    first = maps.value_of(fl, declared, initial, node.args[2].span)
    local = maps.reference(fl, declared, key, name, node.span)
    if declared.kind not in maps.ALWAYS_THERE:
        type_ = local.type
        assert isinstance(type_, t.Ref)
        insert = n.MapUpdate(declared.name, key, first, n.Const(1, t.U64, "BPF_NOEXIST"))
        again = n.Assign(n.LocalPlace(local), n.MapLookup(declared.name, key, type_), node.span)
        fl.code.append(OpenIf(maps.is_null(local), [n.Eval(insert, node.span), again], [], node.span))
        fl.epoch += 1
    return maps.optional(fl, local, f"the entry of {declared.name}", name)


def pop(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Honey.Map.pop(:map, key)``: what was stored, which is there no longer; nil if nothing was."""
    declared = maps.map_of(fl, node.args[0])
    if declared.kind in maps.ALWAYS_THERE:
        raise fl.mistake(
            "HNY0505",
            f"{declared.name} is an array, whose entries cannot be taken out",
            node.span,
            help="take a :bpf_hash, or store zero",
        )
    key = maps.fixed_key(fl, maps.key_of(fl, declared, fl.value(node.args[1]), node.args[1].span), node.args[1].span)
    local = maps.reference(fl, declared, key, "", node.span)
    stored = maps.stored(local)
    value = fl.declare(name or "value", stored.type, node.span)
    copied = n.Assign(n.LocalPlace(value), n.Read(stored, stored.type), node.span)
    deleted = n.Eval(n.MapDelete(declared.name, key), node.span)
    fl.code.append(OpenIf(negate(maps.is_null(local)), [copied, deleted], [], node.span))
    fl.epoch += 1
    present = access.read_place(n.LocalPlace(value), reference=False)
    return OptionalValue(maps.is_null(local), present, None, f"the look-up in {declared.name}")


TABLES: dict[str, Table] = {"Honey.Map": {**maps.CHANGES, ("entry", 3): entry, ("pop", 2): pop}}
