# SPDX-License-Identifier: Apache-2.0
"""Functions that do the same with different maps, written once with the map as a parameter.

Analysis makes an instance of a function for each map that it is called with, so that types and passes know the map.
Where the instances came out alike, and are inlined, one C function with a ``void *map`` says the same in fewer lines;
clang makes the instances again. A parameter that is only a key may have another type in each, and becomes ``void *``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import NODE_CLASSES, Node, children, pick, rewrite_block, walk
from honey.records import dataclass, fields, replace

_ANY_MAP = "*"
_ON_MAPS = frozenset(cls for cls in NODE_CLASSES if any(field.name == "map" for field in fields(cls)))
_KEY = t.Ref(t.VOID, t.Space.STACK, readonly=True)


@dataclass(frozen=True, slots=True)
class Family:
    """Functions that are written as one.

    ``name`` is what they are called together, ``shown`` the one that is written, with its keys as ``void *``; ``maps``
    has the map of each by the function's name.
    """

    name: str
    shown: n.Function
    maps: dict[str, str]


def families(functions: Sequence[n.Function]) -> tuple[Family, ...]:
    """The families among ``functions`` that have two members or more."""
    single = [one for one in functions if one.inline is n.Inline.ALWAYS and _only_map(one) is not None]
    shapes = Counter(map(_shape, single))
    alike: dict[n.Function, list[tuple[n.Function, str]]] = {}
    for function in single:
        map_name = _only_map(function)
        if map_name is not None and shapes[_shape(function)] > 1:
            alike.setdefault(_without_map(function, map_name), []).append((function, map_name))
    found = []
    for members in alike.values():
        if len(members) > 1:
            shown = members[0][0]
            name = _common_name([function.name for function, _ in members])
            found.append(Family(name, _with_any_key(shown), {function.name: one for function, one in members}))
    return tuple(found)


def _only_map(function: n.Function) -> str | None:
    """The one map that a function works on."""
    if function.section is not None:
        return None
    maps = {name for node in pick(function.body, _ON_MAPS) if (name := node.map) is not None}
    return maps.pop() if len(maps) == 1 else None


def _shape(function: n.Function) -> tuple[type, ...]:
    """The kinds of the nodes of a function, which are the same in all members of a family."""
    return tuple(map(type, walk(function.body)))


def _without_map(function: n.Function, map_name: str) -> n.Function:
    """The function as it is where neither its map nor its name, its numbering or the types of its keys count."""

    def rule(node: Any) -> object:
        return replace(node, map=_ANY_MAP) if getattr(node, "map", None) == map_name else node

    anonymous = _numbered_anew(_with_any_key(function))
    return replace(anonymous, name="", body=rewrite_block(anonymous.body, rule, _ON_MAPS))


def _numbered_anew(function: n.Function) -> n.Function:
    """The function with its locals numbered in the order in which they come; passes number instances differently."""
    ids: dict[int, int] = {}

    def anew(local: n.Local) -> n.Local:
        return replace(local, id=ids.setdefault(local.id, len(ids)))

    def rule(node: Any) -> object:
        return replace(node, local=anew(node.local)) if isinstance(node, n.LocalPlace | n.Let | n.For) else node

    params = tuple(anew(param) for param in function.params)
    return replace(function, params=params, body=rewrite_block(function.body, rule))


def _with_any_key(function: n.Function) -> n.Function:
    """The function with ``void *`` for each parameter that is only handed on as a key."""
    keys = {param: n.Local(param.id, param.name, _KEY) for param in function.params if _is_key(function, param)}
    if not keys:
        return function

    def rule(node: Node) -> object:
        match node:
            case n.LocalPlace(local) if local in keys:
                return n.LocalPlace(keys[local])
            case n.Read(n.LocalPlace(local)) if local in keys.values():
                return n.Read(node.place, _KEY)
            case n.DerefPlace(n.Read(n.LocalPlace(local)) as ref) if local in keys.values():
                return n.DerefPlace(ref, t.VOID)
            case n.Read(n.DerefPlace(_, t.Void()) as place):
                return n.Read(place, t.VOID)
            case _:
                return node

    params = tuple(keys.get(param, param) for param in function.params)
    return replace(function, params=params, body=rewrite_block(function.body, rule))


def _is_key(function: n.Function, param: n.Local) -> bool:
    """Whether every use of ``param`` is what it points to, as a map's key."""
    if not isinstance(param.type, t.Ref) or not param.type.readonly:
        return False
    reading = n.Read(n.LocalPlace(param), param.type)
    key = n.Read(n.DerefPlace(reading, param.type.target), param.type.target)
    parts: tuple[object, ...] = (n.LocalPlace(param), reading, key.place, key)
    for node in walk(function.body):
        for child in children(node):
            if child == key and not (
                isinstance(node, n.MapLookup | n.NewEntry | n.MapUpdate | n.MapDelete)
                and node.key == key
                and getattr(node, "value", None) != key
            ):
                return False
            if child in parts[:-1] and node not in parts:
                return False
    return True


def _common_name(names: Iterable[str]) -> str:
    """The words that all names begin with, or the first name."""
    words = [name.split("_") for name in names]
    common = [first for first, *rest in zip(*words, strict=False) if all(other == first for other in rest)]
    return "_".join(common) if common and common != [""] else "_".join(words[0])
