# SPDX-License-Identifier: Apache-2.0
"""A second opinion on what a source means: runs the generator's programs from their syntax tree.

Written from the language page alone, so that a mistake of analysis shows as a difference from the IR interpreter. A
branch that is not taken is gone through as well, quietly (no effects, numbers without bits): its types decide the
type of the whole, because unsigned wins where values meet.
"""

from __future__ import annotations

from collections.abc import Sequence

from source_access import Access
from source_bindings import assign, filled, matches
from source_control import Clause, body_of, clauses_of, construct
from source_memory import SIZES, WORD, Number, Store, View
from source_operators import binary, unary
from source_values import (
    NEVER,
    Function,
    Raised,
    Returned,
    Scope,
    Symbol,
    Value,
    copied,
    kind_of,
    met,
    passed,
    truthy,
)

from honey.records import replace
from honey.syntax import ast


class Machine(Access):
    """A module's programs and maps. ``run`` gives a handler's value."""

    def __init__(self, file: ast.File) -> None:
        (module,) = [node for node in file.body.exprs if isinstance(node, ast.Call)]
        super().__init__()
        self.maps, self.rings = dict[str, Store](), dict[str, list[bytes]]()
        self.functions: dict[str, list[Clause]] = {}
        self.fuel: dict[str, int | None] = {}
        self.results: dict[object, Value] = {}
        self.returned: list[Value] = []
        assert module.do_block is not None
        for node in module.do_block.body.exprs:  # type: ignore[union-attr]  # a module's body is a block
            if isinstance(node, ast.Call):
                self.declare(node)

    def declare(self, node: ast.Call) -> None:
        first = node.args[0]
        options = {pair.key.name: pair.value for pair in node.keywords.pairs} if node.keywords else {}  # type: ignore[attr-defined]  # keys are atoms
        if node.name == "defstruct":
            assert isinstance(first, ast.Atom)
            fields = [(each.args[0].name, self.type_of(each.args[1])) for each in body_of(node).exprs]  # type: ignore[attr-defined]  # `field(:name, type)`
            self.layouts.declare(first.name, fields, packed="packed" in options)
        elif node.name == "defmap":
            assert isinstance(first, ast.Atom)
            kind = node.args[1].name.removeprefix("bpf_")  # type: ignore[attr-defined]  # an atom
            if kind == "ringbuf":
                self.rings[first.name] = []
                return
            key = self.type_of(options["key_type"]) if "key_type" in options else "u32"
            value, most = self.type_of(options["value_type"]), options["max_entries"].value  # type: ignore[attr-defined]  # an integer
            self.maps[first.name] = Store(kind, key, value, most, self.layouts.size(value))
        elif node.name in ("def", "defp"):
            guard = first.right if isinstance(first, ast.Binary) else None
            head = first.left if isinstance(first, ast.Binary) else first
            assert isinstance(head, ast.Call)
            self.functions.setdefault(head.name, []).append((head.args, guard, body_of(node)))

    def type_of(self, node: ast.Node) -> str:
        if isinstance(node, ast.Tuple):
            return f"array:{node.items[2].value}"  # type: ignore[attr-defined]  # `{:array, :u8, n}`
        assert isinstance(node, ast.Atom)
        return node.name if node.name in SIZES else f"struct:{node.name}"

    def run(self, handler: str, packet: bytes) -> tuple[int, bytes]:
        """The value of a handler, and the packet as it leaves it."""
        self.packet = bytearray(packet)
        try:
            value = self.present(self.call(handler, [Symbol("ctx")]))
        except Raised:
            return 0, bytes(self.packet)
        return (value.bits + 2**31) % 2**32 - 2**31, bytes(self.packet)

    def holds(self, guard: ast.Node, scope: Scope) -> bool:
        """Whether a guard holds. One that would raise does not."""
        try:
            return truthy(self.value(guard, scope))
        except Raised:
            return False

    def call(self, name: str, args: list[Value]) -> Value:
        """A function's value. Its type is that of all its clauses and returns."""
        args = [self.own(passed(arg)) for arg in args]
        type_ = self.result_type(name, args)
        if self.quiet:
            return type_
        left = self.fuel.get(name)
        if left == 0:
            raise Raised
        self.fuel[name] = None if left is None else left - 1
        try:
            value = self.clauses(self.functions[name], args, Scope())
        except Returned as returned:
            value = returned.value
        finally:
            self.fuel[name] = left
        return met(value, type_)

    def result_type(self, name: str, args: list[Value]) -> Value:
        key = (name, *map(kind_of, args))
        if key not in self.results:
            self.results[key] = NEVER
            before, self.returned = self.returned, []
            with self.quietly():
                found = self.clauses(self.functions[name], args, Scope())
            for each in self.returned:
                found = met(found, each)
            self.returned, self.results[key] = before, found
        return self.results[key]

    def clauses(self, clauses: Sequence[Clause], args: list[Value], outer: Scope) -> Value:
        """The value of the first clause that fits; on a quiet run, what all have in common."""
        found: Value = NEVER
        taken = False
        for patterns, guard, body in clauses:
            scope = outer.new_child()
            fits = [matches(self, pattern, arg, scope) for pattern, arg in zip(patterns, args, strict=True)]
            here = not taken and not self.quiet and all(fits)
            if here and (guard is None or self.holds(guard, scope)):
                taken = True
                found = met(self.block(body, scope), found)
            else:
                with self.quietly():
                    found = met(found, self.block(body, scope))
        if not taken and not self.quiet:
            raise Raised
        return found

    def block(self, node: ast.Node | None, outer: Scope) -> Value:
        """A block's value; its bindings end with it."""
        scope, value = outer.new_child(), None
        for each in node.exprs if isinstance(node, ast.Block) else ():
            value = self.value(each, scope)
        return value

    def apply(self, function: Function, args: list[Value]) -> Value:
        return self.clauses(clauses_of(function.node), args, function.scope)

    def value(self, node: ast.Node, scope: Scope) -> Value:
        """What an expression gives."""
        match node:
            case ast.Int(value=value):
                return Number(value % WORD, value < WORD // 2, literal=True)
            case ast.Atom(name=name):
                return {"nil": None, "true": True, "false": False}.get(name, Symbol(name))
            case ast.Var(name=name):
                return scope[name]
            case ast.Tuple(items=items):
                return tuple(self.value(item, scope) for item in items)
            case ast.ListLit(items=items):
                return [self.value(item, scope) for item in items]
            case ast.Block():
                return self.block(node, scope)
            case ast.Fn():
                return Function(node, scope)
            case ast.Apply(function=function, args=args):
                called = self.value(function, scope)
                return self.apply(called, [self.value(arg, scope) for arg in args])
            case ast.Dot(target=target, name=name):
                return self.field(self.value(target, scope), name)
            case ast.Index(target=target, key=key):
                view = self.present(self.value(target, scope))
                at = self.index(view, self.value(key, scope))
                if view is NEVER:
                    return NEVER
                return Number(None if self.quiet else view.memory[view.offset + at], False)
            case ast.StructLit(name=ast.Var(name=name), entries=entries):
                made = View(f"struct:{name}", "local", bytearray(self.layouts.known[name].size))
                return filled(self, made, entries, scope)
            case ast.MapLit(base=ast.Node() as base, entries=entries):
                view = self.present(self.value(base, scope))
                if view is NEVER:
                    return NEVER
                return filled(self, copied(view, self.layouts.size(view.type)), entries, scope)
            case ast.Unary(op=op, operand=operand):
                return unary(self, op, self.value(operand, scope))
            case ast.Binary(op="=", left=left, right=right):
                return assign(self, left, right, scope)
            case ast.Binary(op="|>", left=left, right=ast.Call() as right):
                return self.value(replace(right, args=(left, *right.args)), scope)
            case ast.Binary(op=op, left=left, right=right):
                return binary(self, op, left, right, scope)
            case ast.Call(target=None, name=name) if name in self.functions:
                return self.call(name, [self.value(arg, scope) for arg in node.args])
            case ast.Call():
                return construct(self, node, scope)
            case _:
                raise NotImplementedError(type(node).__name__)
