# SPDX-License-Identifier: Apache-2.0
"""``Map`` and ``Keyword``, whose keys are atoms that are known now, and ``List``. Structs are maps, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.analysis import access, expressions
from honey.analysis.values import (
    NIL,
    AggregateValue,
    AtomValue,
    ListValue,
    MemoryValue,
    PlainMapValue,
    TupleValue,
    Value,
    boolean,
)
from honey.ir import types as t
from honey.syntax import ast

if TYPE_CHECKING:
    from honey.analysis.lowering import Lowering
    from honey.library import Table


def _key(fl: Lowering, node: ast.Node) -> str:
    value = fl.settled(fl.value(node))
    if not isinstance(value, AtomValue):
        raise fl.mistake(
            "HNY0202",
            "the key must be an atom that is known when the module is compiled",
            node.span,
            help="for other keys declare a map with `defmap`: `bpf_map_lookup_elem(:map, key)`, `Honey.Map.update`",
        )
    return value.name


def _found(fl: Lowering, node: ast.Call) -> Value | None:
    """The value under a key, or ``None``: of a map, a keyword list or a struct."""
    base, name = fl.required(fl.value(node.args[0]), node.args[0].span, "BadMapError"), _key(fl, node.args[1])
    match base:
        case PlainMapValue():
            return base.get(name)
        case ListValue(items):
            wanted = AtomValue(name)
            return next((i.items[1] for i in items if isinstance(i, TupleValue) and i.items[:1] == (wanted,)), None)
        case MemoryValue() | AggregateValue() if isinstance(base.type, t.Struct):
            if fl.unit.module.structs.field(base.type, name) is None:
                return None
            return access.dot(fl, ast.Dot(node.span, node.args[0], name, node.args[1].span), "")
        case _:
            raise fl.mismatch("a map", base, node.args[0].span)


def _get(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Map.get(map, :key)``, with a default for keys that it has not."""
    found = _found(fl, node)
    if found is not None:
        return fl.settled(found)
    return fl.value(node.args[2], name) if len(node.args) > 2 else NIL


def _fetch(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Map.fetch!(map, :key)``."""
    del name
    found = _found(fl, node)
    if found is None:
        raise fl.mistake("HNY0202", f"there is no key {_key(fl, node.args[1])}", node.args[1].span)
    return fl.settled(found)


def _has_key(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Map.has_key?(map, :key)``."""
    del name
    return boolean(_found(fl, node) is not None)


def _put(fl: Lowering, node: ast.Call, name: str) -> Value:
    """``Map.put(map, :key, value)``; a struct has the fields that it has."""
    base = fl.required(fl.value(node.args[0]), node.args[0].span, "BadMapError")
    key = _key(fl, node.args[1])
    if isinstance(base, PlainMapValue) and base.get(key) is None:
        return PlainMapValue((*base.fields, (key, fl.settled(fl.value(node.args[2])))))
    pair = ast.Pair(node.span, ast.Atom(node.args[1].span, key), node.args[2])
    return expressions.update(fl, base, node.args[0].span, (pair,), name, node.span)


TABLES: dict[str, Table] = {
    "Map": {
        ("get", 2): _get,
        ("get", 3): _get,
        ("fetch!", 2): _fetch,
        ("has_key?", 2): _has_key,
        ("put", 3): _put,
    },
    "Keyword": {("get", 2): _get, ("get", 3): _get, ("fetch!", 2): _fetch, ("has_key?", 2): _has_key},
}
