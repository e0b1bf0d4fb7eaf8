# SPDX-License-Identifier: Apache-2.0
"""Walking the syntax tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from honey.analysis.naming import ELIXIR_ATTRIBUTES
from honey.records import fields, replace
from honey.syntax import ast

_NAMES: dict[type, tuple[str, ...]] = {}


def _names(cls: type[ast.Node]) -> tuple[str, ...]:
    """The fields of a node class that may hold nodes."""
    if cls not in _NAMES:
        _NAMES[cls] = tuple(field.name for field in fields(cls) if not field.name.endswith("span"))
    return _NAMES[cls]


def children(node: ast.Node) -> list[ast.Node]:
    """The nodes directly below ``node``."""
    found: list[ast.Node] = []
    for name in _names(type(node)):
        value = getattr(node, name)
        if isinstance(value, ast.Node):
            found.append(value)
        elif isinstance(value, tuple):
            found += [item for item in value if isinstance(item, ast.Node)]
    return found


def walk(node: ast.Node) -> Iterator[ast.Node]:
    """``node`` and everything below it, parents first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack += children(current)[::-1]


def rewrite(node: ast.Node, rule: Callable[[ast.Node], ast.Node]) -> ast.Node:
    """``node`` with ``rule`` applied to everything in it, children first."""
    changes: dict[str, Any] = {}
    for name in _names(type(node)):
        value = getattr(node, name)
        if isinstance(value, ast.Node):
            new: Any = rewrite(value, rule)
        elif isinstance(value, tuple):
            new = tuple(rewrite(item, rule) if isinstance(item, ast.Node) else item for item in value)
        else:
            continue
        changes[name] = new
    return rule(replace(node, **changes) if changes else node)


def size(node: ast.Node) -> int:
    """How many nodes a tree has."""
    return sum(1 for _ in walk(node))


def changed_names(node: ast.Node) -> frozenset[str]:
    """The variables that something below ``node`` changes in place: ``key.port = 1``, ``key.list[0] = 2``."""
    return frozenset(
        root.name
        for found in walk(node)
        if isinstance(found, ast.Binary)
        and found.op == "="
        and isinstance(found.left, ast.Dot | ast.Index)
        and isinstance(root := _root(found.left), ast.Var)
    )


def _root(node: ast.Node) -> ast.Node:
    while isinstance(node, ast.Dot | ast.Index):
        node = node.target
    return node


def is_constant(node: ast.Node) -> bool:
    """Whether ``node`` is a literal or a module attribute, or computed from nothing else by operators."""
    match node:
        case ast.Int() | ast.Float() | ast.Atom() | ast.Str() | ast.Charlist() | ast.Attribute():
            return True
        case ast.Unary(operand=operand):
            return is_constant(operand)
        case ast.Binary(left=left, right=right):
            return is_constant(left) and is_constant(right)
        case ast.Block(exprs=(only,)):
            return is_constant(only)
        case _:
            return False


def calls_in(node: ast.Node) -> set[tuple[str, int]]:
    """Name and number of arguments of each call below ``node`` that is not of another module."""
    found: set[tuple[str, int]] = set()
    for item in walk(node):
        if isinstance(item, ast.Call) and item.target is None:
            found.add((item.name, len(item.args)))
        elif isinstance(item, ast.Var):
            found.add((item.name, 0))
        if isinstance(item, ast.Binary) and item.op == "|>":
            name = item.right.name if isinstance(item.right, ast.Call | ast.Var) else ""
            found.add((name, len(item.right.args) + 1 if isinstance(item.right, ast.Call) else 1))
    return found


def unread_attributes(body: ast.Block) -> list[ast.Attribute]:
    """The attributes of a module that are set and that nothing reads."""
    found = [node for node in walk(body) if isinstance(node, ast.Attribute)]
    read = ELIXIR_ATTRIBUTES | {"sec"} | {node.name for node in found if node.value is None}
    return [node for node in found if node.value is not None and node.name not in read]


def binds_again(patterns: tuple[ast.Node, ...], body: ast.Node) -> bool:
    """Whether a branch, a loop or a function inside binds a name by a match that is bound around it, too."""
    return _binds_again(body, frozenset().union(*(_variables(pattern) for pattern in patterns)), set())


def _variables(pattern: ast.Node) -> frozenset[str]:
    return frozenset(node.name for node in walk(pattern) if isinstance(node, ast.Var))


def _binds_again(node: ast.Node, around: frozenset[str], own: set[str]) -> bool:
    if isinstance(node, ast.DoBlock | ast.Fn):
        inner = around | own
        return any(_binds_again(child, inner, set()) for child in children(node))
    if isinstance(node, ast.Binary) and node.op == "=" and not isinstance(node.left, ast.Dot | ast.Index):
        names = _variables(node.left)
        if names & around:
            return True
        own |= names
    return any(_binds_again(child, around, own) for child in children(node))
