# SPDX-License-Identifier: Apache-2.0
"""Names that a branch or a loop binds anew and nobody reads: the name outside keeps its value, as in Elixir."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from honey.analysis.patterns import names
from honey.analysis.syntax_tree import children
from honey.records import dataclass
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.errors import Report
    from honey.analysis.module import FunctionDeclaration

_STEPPED = frozenset({"for", "with"})
"""Constructs whose arguments bind names for their own block only."""
_LOOPS = frozenset({"for", "each"})


@dataclass(slots=True, eq=False)
class _Bound:
    span: Span
    value: ast.Node | None
    read: bool = False
    told: bool = False


class _Scope:
    def __init__(self, parent: _Scope | None, construct: str = "") -> None:
        self.parent = parent
        self.construct = construct
        self.names: dict[str, _Bound] = {}

    def find(self, name: str) -> _Bound | None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


def warn(declared: FunctionDeclaration, report: Report) -> None:
    """Warns of the names in a function."""
    for clause in declared.clauses:
        reader = _Reader(report)
        scope = _Scope(None)
        for pattern in clause.patterns:
            reader.pattern(pattern, scope)
        if clause.guard is not None:
            reader.read(clause.guard, scope, wanted=True)
        reader.block(clause.body.exprs, scope, wanted=True)


class _Reader:
    """Goes over a function as Elixir's scopes do; ``wanted`` says whether somebody takes the value."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def block(self, exprs: Sequence[ast.Node], scope: _Scope, *, wanted: bool) -> None:
        for node in exprs[:-1]:
            self.read(node, scope, wanted=False)
        for node in exprs[-1:]:
            self.read(node, scope, wanted=wanted)

    def pattern(self, node: ast.Node, scope: _Scope, value: ast.Node | None = None, *, read: bool = True) -> None:
        """Binds the names of a pattern; those of parameters and clauses count as read."""
        for name, span in names(node):
            scope.names[name] = _Bound(span, value, read)
        for part in _read_in_pattern(node):
            self._mark(part, scope)

    def read(self, node: ast.Node, scope: _Scope, *, wanted: bool) -> None:
        match node:
            case ast.Var(name=name):
                self._mark(name, scope)
            case ast.Binary(op="=", left=ast.Dot() | ast.Index() as left, right=right):
                self.read(right, scope, wanted=True)
                self.read(left, scope, wanted=True)
            case ast.Binary(op="=", left=left, right=right):
                self.read(right, scope, wanted=True)
                self.pattern(left, scope, right, read=wanted)
            case ast.Block(exprs=exprs):
                self.block(exprs, scope, wanted=wanted)
            case ast.Fn(clauses=clauses):
                self._clauses(clauses, scope, "fn", wanted=wanted)
            case ast.Call(do_block=ast.DoBlock()):
                self._construct(node, scope, wanted=wanted)
            case ast.Call(name="each", args=args):
                for arg in args:
                    if isinstance(arg, ast.Fn):
                        self._clauses(arg.clauses, scope, "each", wanted=False)
                    else:
                        self.read(arg, scope, wanted=True)
            case _:
                for child in children(node):
                    self.read(child, scope, wanted=True)

    def _construct(self, node: ast.Call, scope: _Scope, *, wanted: bool) -> None:
        around = _Scope(scope, node.name) if node.name in _STEPPED else scope
        for arg in node.args:
            if isinstance(arg, ast.Binary) and arg.op == "<-":
                self.read(arg.right, around, wanted=True)
                self.pattern(arg.left, around)
            else:
                self.read(arg, around, wanted=True)
        blocks = node.do_block
        assert blocks is not None
        for part in (blocks.body, blocks.else_, blocks.rescue, blocks.catch, blocks.after):
            if isinstance(part, ast.Clauses):
                self._clauses(part.clauses, around, node.name, wanted=wanted)
            elif part is not None:
                inner = _Scope(around, node.name)
                self.block(part.exprs, inner, wanted=wanted)
                self._close(inner)

    def _clauses(self, clauses: Sequence[ast.Clause], scope: _Scope, construct: str, *, wanted: bool) -> None:
        for clause in clauses:
            inner = _Scope(scope, construct)
            for pattern in clause.patterns:
                if construct == "cond":
                    self.read(pattern, inner, wanted=True)
                else:
                    self.pattern(pattern, inner)
            if clause.guard is not None:
                self.read(clause.guard, inner, wanted=True)
            self.block(clause.body.exprs, inner, wanted=wanted)
            self._close(inner)

    def _mark(self, name: str, scope: _Scope) -> None:
        found = scope.find(name)
        if found is not None:
            found.read = True

    def _close(self, scope: _Scope) -> None:
        for name, bound in scope.names.items():
            outside = scope.parent.find(name) if scope.parent is not None else None
            if bound.read or outside is None or outside.told or name.startswith("_"):
                continue
            outside.told = True
            message = f"this `{name}` is a new one: the `{name}` of line {outside.span.line} keeps its value"
            self.report.warn("HNY0613", message, bound.span, help=_help(name, scope.construct, outside))


def _help(name: str, construct: str, outside: _Bound) -> str:
    value = outside.value
    if isinstance(value, ast.Call) and value.name.endswith("map_lookup_elem"):
        return "what is stored changes with `bpf_map_update_elem`, or with `Honey.Map.add(:map, key, 1)`"
    if construct in _LOOPS:
        return f"carry it from turn to turn: `{name} = Enum.reduce(0..9, {name}, fn i, {name} -> {name} + i end)`"
    if construct in ("case", "cond"):
        return f"take the value of the whole `{construct}`: `{name} = {construct} ...`"
    return f"take the value of the whole branch: `{name} = if ... do ... else {name} end`"


def _read_in_pattern(node: ast.Node) -> list[str]:
    """The names that a pattern reads: pinned ones, and the defaults of parameters."""
    found: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Pin):
            found.append(current.name)
        elif isinstance(current, ast.Binary) and current.op == "when":
            stack += [current.left]
            found += [one.name for one in children(current.right) if isinstance(one, ast.Var)]
        else:
            stack += children(current)
    return found
