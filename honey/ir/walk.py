# SPDX-License-Identifier: Apache-2.0
"""Traversal and rewriting of the IR, derived from the annotations of its node classes.

Nothing here knows a node by name but `Local` and its place: a node class that is added to `honey.ir.nodes` is walked
and rewritten at once. Rewriting keeps what it does not change (the same objects), so ``is`` tells whether anything
happened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter, is_
from typing import Any, TypeVar, cast, get_args

from honey.ir import nodes
from honey.ir.nodes import Block, Effect, Expr, For, Function, Let, Local, LocalPlace, MapName, Place, Stmt
from honey.records import fields, replace

Node = Expr | Place | Effect | Stmt | MapName
"""Everything that has a place in a function's body."""

N = TypeVar("N", bound=Node)
Rule = Callable[[Any], Any]
"""A function from a node to the node that takes its place (the same one: no change)."""

NODE_CLASSES: tuple[type, ...] = tuple(get_args(Node))
EXPR_CLASSES: tuple[type, ...] = tuple(get_args(Expr))
EFFECT_CLASSES: tuple[type, ...] = tuple(get_args(Effect))
PLACE_CLASSES: tuple[type, ...] = tuple(get_args(Place))
STMT_CLASSES: tuple[type, ...] = tuple(get_args(Stmt))

_NODES = frozenset(NODE_CLASSES)
_STATEMENTS = frozenset(STMT_CLASSES)
_ALL = _NODES
_HOLDS_NODES = re.compile(r"\b(Expr|Place|Effect|Stmt|Block|MapName)\b")
_ONE_NODE = re.compile(r"(Expr|Place|Effect)( \| (Expr|Place|Effect))*")

_NODE_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(field.name for field in fields(cls) if _HOLDS_NODES.search(str(field.type))) for cls in NODE_CLASSES
}
"""The fields of each class that hold nodes or tuples of nodes, in order of evaluation."""

_BLOCK_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(field.name for field in fields(cls) if str(field.type) == "Block") for cls in STMT_CLASSES
}


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below ``node``, in the order of its fields."""
    return _CHILDREN[type(node)](node)


def walk(root: Node | Iterable[Node]) -> Iterator[Node]:
    """``root`` (or each of a block's statements) and everything below it, parents first, in order of evaluation."""
    if type(root) not in _CHILDREN:
        return chain.from_iterable(map(_walked, cast("Iterable[Node]", root)))
    return iter(_walked(cast(Node, root)))


def pick(root: Node | Iterable[Node], classes: frozenset[type]) -> Iterator[Any]:
    """Of what `walk` gives the nodes of some classes, which costs little where there are few of them."""
    if type(root) in _CHILDREN:
        return iter(_picked(cast(Node, root), classes))
    return chain.from_iterable([_picked(node, classes) for node in cast("Iterable[Node]", root)])


def _walked(root: Node) -> Sequence[Node]:
    """What `walk` gives for a node. Statements keep it: passes ask again and again, and nodes never change."""
    if type(root) in _STATEMENTS:
        return _kept(root)[_ALL]
    found: list[Node] = []
    stack = [root]
    while stack:
        node = stack.pop()
        found.append(node)
        stack += _CHILDREN[type(node)](node)[::-1]
    return found


def _picked(root: Node, classes: frozenset[type]) -> Sequence[Node]:
    """What `pick` gives for a node; statements keep this as well."""
    if type(root) not in _STATEMENTS:
        return [node for node in _walked(root) if type(node) in classes]
    kept = _kept(root)
    found = kept.get(classes)
    if found is None:
        found = kept[classes] = tuple([node for node in kept[_ALL] if type(node) in classes])
    return found


def _kept(statement: Any) -> dict[frozenset[type], tuple[Node, ...]]:
    """The nodes of a statement, itself the first of them: all, and those that have been picked, by their classes."""
    try:
        kept: dict[frozenset[type], tuple[Node, ...]] = statement.walked
    except AttributeError:
        below = chain.from_iterable(map(_walked, _CHILDREN[type(statement)](statement)))
        kept = {_ALL: (statement, *below)}
        object.__setattr__(statement, "walked", kept)
    return kept


def _children_getter(cls: type) -> Callable[[Any], tuple[Node, ...]]:
    """What `children` does for a class: as little as its fields allow, because passes walk a program many times."""
    names = _NODE_FIELDS[cls]
    if not names:
        return lambda _: ()
    get: Callable[[Any], Any] = attrgetter(*names)
    single = all(_ONE_NODE.fullmatch(str(field.type)) for field in fields(cls) if field.name in names)
    if single and len(names) == 1:
        return lambda node: (get(node),)
    if single:
        return get
    if len(names) == 1:
        return lambda node: tuple(_nodes_in((get(node),)))
    return lambda node: tuple(_nodes_in(get(node)))


def _nodes_in(values: Iterable[object]) -> list[Node]:
    """The nodes among ``values`` and in the tuples among them."""
    found: list[Node] = []
    for value in values:
        if type(value) in _NODES:
            found.append(cast(Node, value))
        elif isinstance(value, tuple):
            found += _nodes_in(value)
    return found


_CHILDREN: dict[type, Callable[[Any], tuple[Node, ...]]] = {cls: _children_getter(cls) for cls in NODE_CLASSES}


def map_children(node: N, rule: Rule) -> N:
    """``node`` with each direct child replaced by ``rule(child)``."""
    changes: dict[str, Any] = {}
    for name in _NODE_FIELDS[type(node)]:
        before = getattr(node, name)
        after = _map_value(before, rule)
        if after is not before:
            changes[name] = after
    return replace(cast(Any, node), **changes) if changes else node


def _map_value(value: Any, rule: Rule) -> Any:
    if type(value) in _NODES:
        return rule(value)
    if value and isinstance(value, tuple):
        items = [rule(item) if type(item) in _NODES else _map_value(item, rule) for item in value]
        return value if all(map(is_, items, value)) else tuple(items)
    return value


def rewrite(node: N, rule: Rule, only: frozenset[type] | None = None) -> N:
    """``node`` rewritten from the leaves up: ``rule`` sees each node after its children have been rewritten.

    ``only``: the classes of the nodes that ``rule`` may change; statements without any are left as they are.
    """
    result: N = _from_the_leaves(rule, only)(node)
    return result


def rewrite_block(block: Block, rule: Rule, only: frozenset[type] | None = None) -> Block:
    """Each statement of ``block`` rewritten from the leaves up, as by `rewrite`."""
    result: Block = _map_value(block, _from_the_leaves(rule, only))
    return result


def _from_the_leaves(rule: Rule, only: frozenset[type] | None) -> Rule:
    fields_of = _NODE_FIELDS

    def rewritten(node: Any) -> Any:
        if only is not None and type(node) in _STATEMENTS and not _picked(node, only):
            return node
        return rule(map_children(node, rewritten) if fields_of[type(node)] else node)

    return rewritten


def map_blocks(block: Block, rule: Callable[[Block], Block]) -> Block:
    """``rule`` applied to every block inside ``block``, innermost first, and to ``block`` itself."""
    return rule(_map_value(block, lambda statement: _map_inner_blocks(statement, rule)))


def _map_inner_blocks(statement: Stmt, rule: Callable[[Block], Block]) -> Stmt:
    changes = {}
    for name in _BLOCK_FIELDS[type(statement)]:
        before = getattr(statement, name)
        after = map_blocks(before, rule)
        if after is not before:
            changes[name] = after
    return replace(cast(Any, statement), **changes) if changes else statement


def blocks_of(statement: Stmt) -> tuple[Block, ...]:
    """The blocks directly inside a statement."""
    return tuple(getattr(statement, name) for name in _BLOCK_FIELDS[type(statement)])


_DECLARING = frozenset((Let, For))
_LOCAL_PLACES = frozenset((LocalPlace,))


def own_nodes(statement: Stmt) -> Iterator[Node]:
    """Everything that a statement evaluates itself, without what is in its inner blocks."""
    for name in _NODE_FIELDS[type(statement)]:
        if name not in _BLOCK_FIELDS[type(statement)]:
            for node in _nodes_in((getattr(statement, name),)):
                yield from walk(node)


def declarations(block: Block) -> Iterator[Local]:
    """The locals that ``block`` and its inner blocks declare."""
    return (node.local for node in pick(block, _DECLARING))


def uses(root: Node | Iterable[Node]) -> Counter[int]:
    """How often each local (by id) stands in ``root`` as a place, for reading, for writing or for its address."""
    return Counter([node.local.id for node in pick(root, _LOCAL_PLACES)])


def root_place(place: Place) -> Place:
    """The local or the dereference that ``place`` is a part of."""
    while isinstance(place, (nodes.FieldPlace, nodes.IndexPlace)):
        place = place.base
    return place


def next_local_id(function: Function) -> int:
    """An id that no local of ``function`` has yet."""
    taken = [local.id for local in function.params]
    taken.extend(local.id for local in declarations(function.body))
    return max(taken, default=-1) + 1
