# SPDX-License-Identifier: Apache-2.0
"""A second opinion on what a source means: runs the generator's programs from their syntax tree.

Written from the language page alone, so that a mistake of analysis shows as a difference from the IR interpreter. A
branch that is not taken is gone through as well, quietly (no effects, numbers without bits): its types decide the
type of the whole, because unsigned wins where values meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from source_memory import SIZES, WORD, Layouts, Network, Number, Store, View, decoded, encoded
from source_values import (
    COMPARISONS,
    NEVER,
    UNKNOWN,
    Function,
    Raised,
    Returned,
    Scope,
    Symbol,
    Unspecified,
    Value,
    common,
    copied,
    is_own,
    kind_of,
    literal,
    met,
    of_literals,
    operation,
    passed,
    truthy,
    without_bits,
)

from honey.analysis.syntax_tree import walk
from honey.records import replace
from honey.syntax import ast


class Machine:
    """A module's programs and maps. ``run`` gives a handler's value."""

    def __init__(self, file: ast.File) -> None:
        (module,) = [node for node in file.body.exprs if isinstance(node, ast.Call)]
        self.layouts, self.maps, self.rings = Layouts(), dict[str, Store](), dict[str, list[bytes]]()
        self.functions: dict[str, list[tuple[Sequence[ast.Node], ast.Node | None, ast.Block]]] = {}
        self.packet, self.quiet = bytearray(), False
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

    # ------------------------------------------------------------ running

    def run(self, handler: str, packet: bytes) -> tuple[int, bytes]:
        """The value of a handler, and the packet as it leaves it."""
        self.packet, self.length = bytearray(packet), len(packet)
        try:
            value = self.present(self.call(handler, [Symbol("ctx")]))
        except Raised:
            return 0, bytes(self.packet)
        return (value.bits + 2**31) % 2**32 - 2**31, bytes(self.packet)

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

    def clauses(self, clauses: Any, args: list[Value], outer: Scope) -> Value:
        """The value of the first clause that fits; on a quiet run, what all have in common."""
        found: Value = NEVER
        taken = False
        for patterns, guard, body in clauses:
            scope = outer.new_child()
            fits = [self.fits(pattern, arg, scope) for pattern, arg in zip(patterns, args, strict=True)]
            here = not taken and not self.quiet and all(fits)
            if here and (guard is None or truthy(self.value(guard, scope))):
                taken = True
                found = met(self.block(body, scope), found)
            else:
                with self.quietly():
                    found = met(found, self.block(body, scope))
        if not taken and not self.quiet:
            raise Raised
        return found

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Nothing happens, and nothing is known but types."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

    def fits(self, pattern: ast.Node, value: Value, scope: Scope) -> bool:
        """Whether a value matches; binds the pattern's names in ``scope``."""
        if value is NEVER:
            scope.update((each.name, NEVER) for each in walk(pattern) if isinstance(each, ast.Var))
            return False
        match pattern:
            case ast.Var(name=name):
                scope[name] = value
                return True
            case ast.Tuple(items=items) | ast.ListLit(items=items, tail=None):
                if not isinstance(value, tuple | list) or len(items) != len(value):
                    return False
                fits = [self.fits(item, each, scope) for item, each in zip(items, value, strict=True)]
                return all(fits)
            case ast.ListLit(items=items, tail=ast.Node() as tail):
                heads = [self.fits(item, each, scope) for item, each in zip(items, value, strict=False)]
                rest = self.fits(tail, value[len(items) :], scope)
                return all(heads) and rest
            case ast.MapLit(entries=entries):
                names = [each.key.name for each in entries]  # type: ignore[attr-defined]  # keys are atoms
                fields = [self.field(value, name) for name in names]
                fits = [self.fits(each.value, field, scope) for each, field in zip(entries, fields, strict=True)]
                return all(fits)
            case _:
                return self.same(self.value(pattern, scope), value)

    # ------------------------------------------------------------ statements

    def block(self, node: ast.Node | None, outer: Scope) -> Value:
        """A block's value; its bindings end with it."""
        scope, value = outer.new_child(), None
        for each in node.exprs if isinstance(node, ast.Block) else ():
            value = self.value(each, scope)
        return value

    def assign(self, left: ast.Node, right: ast.Node, scope: Scope) -> Value:
        value = self.value(right, scope)
        match left:
            case ast.Dot(target=target) | ast.Index(target=target) if self.quiet:
                self.value(target, scope)
            case ast.Dot(target=target, name=name):
                view = self.present(self.value(target, scope))
                type_, at = self.layouts.known[view.type[7:]].fields[name]
                self.store(view, type_, at, value)
            case ast.Index(target=target, key=key):
                view = self.present(self.value(target, scope))
                self.store(view, "u8", self.index(view, self.value(key, scope)), value)
            case ast.Var(name=name):
                scope[name] = self.own(value)
            case _:
                if not self.fits(left, value, scope) and not self.quiet:
                    raise Raised
        return value

    def own(self, value: Value) -> Value:
        """A value as it is bound: structs are copied, references are not."""
        return copied(value, self.layouts.size(value.type)) if is_own(value) else value

    def store(self, view: View, type_: str, at: int, value: Value) -> None:
        if self.quiet:
            return
        data = self.stored(value, type_)
        view.memory[view.offset + at : view.offset + at + len(data)] = data

    def branch(self, test: ast.Node, then: ast.Node | None, otherwise: ast.Node | None, scope: Scope) -> Value:
        condition = self.value(test, scope)
        first, second = (then, otherwise) if self.quiet or truthy(condition) else (otherwise, then)
        value = self.block(first, scope)
        with self.quietly():
            return met(value, self.block(second, scope))

    def cond(self, node: ast.Call, scope: Scope) -> Value:
        found: Value = NEVER
        taken = False
        for clause in node.do_block.body.clauses:  # type: ignore[union-attr]  # `cond do ... -> ...`
            if not taken and not self.quiet and truthy(self.value(clause.patterns[0], scope)):
                taken, found = True, met(self.block(clause.body, scope), found)
            else:
                with self.quietly():
                    found = met(found, self.block(clause.body, scope))
        if not taken and not self.quiet:
            raise Raised
        return found

    def turns(self, node: ast.Node, scope: Scope) -> list[Value]:
        """The elements of a range or a list."""
        if isinstance(node, ast.ListLit):
            return [self.value(item, scope) for item in node.items]
        step = None
        assert isinstance(node, ast.Binary)
        with self.loudly():
            if node.op == "//":
                step, node = self.value(node.right, scope).value, node.left
                assert isinstance(node, ast.Binary)
            first, last = (self.value(side, scope).value for side in (node.left, node.right))
        step = step or (1 if first <= last else -1)
        found = [Number(turn % WORD, True) for turn in range(first, last + (1 if step > 0 else -1), step)]
        return found[:1] if self.quiet else found

    @contextmanager
    def loudly(self) -> Iterator[None]:
        """Constants are known on a quiet run as well."""
        before, self.quiet = self.quiet, False
        try:
            yield
        finally:
            self.quiet = before

    def with_(self, node: ast.Call, steps: Sequence[ast.Node], scope: Scope) -> Value:
        """``with pattern <- value, ... do``: goes on while all match."""
        assert node.do_block is not None
        if not steps:
            return self.block(node.do_block.body, scope)
        step, inner = steps[0], scope.new_child()
        assert isinstance(step, ast.Binary)
        value = self.value(step.right, scope)
        guarded = isinstance(step.left, ast.Binary)
        pattern = step.left.left if isinstance(step.left, ast.Binary) else step.left
        fits = self.fits(pattern, value, inner)
        if fits and guarded and not self.quiet:
            fits = truthy(self.value(step.left.right, inner))  # type: ignore[attr-defined]  # `pattern when guard`
        if fits and not self.quiet:
            found = self.with_(node, steps[1:], inner)
            with self.quietly():
                return met(found, self.not_matched(node, value, scope))
        with self.quietly():
            found = self.with_(node, steps[1:], inner)
        return met(self.not_matched(node, value, scope), found)

    def not_matched(self, node: ast.Call, value: Value, scope: Scope) -> Value:
        otherwise = node.do_block.else_ if node.do_block is not None else None
        if not isinstance(otherwise, ast.Clauses):
            return NEVER if self.quiet else value
        clauses = [(clause.patterns, clause.guard, clause.body) for clause in otherwise.clauses]
        return self.clauses(clauses, [value], scope)

    def for_(self, node: ast.Call, scope: Scope) -> Value:
        generator, *filters = node.args
        assert isinstance(generator, ast.Binary)
        assert isinstance(generator.left, ast.Var)
        if node.keywords is not None:
            return self.for_reduce(node, generator, scope)
        values = []
        for turn in self.turns(generator.right, scope):
            inner = scope.new_child({generator.left.name: turn})
            if all(truthy(self.value(each, inner)) for each in filters):
                values.append(self.block(body_of(node), inner))
        return values

    def for_reduce(self, node: ast.Call, generator: ast.Binary, scope: Scope) -> Value:
        """``for i <- a..b, reduce: start do acc -> ... end``."""
        assert node.keywords is not None
        assert node.do_block is not None
        assert isinstance(node.do_block.body, ast.Clauses)
        (clause,) = node.do_block.body.clauses
        whole = ast.Clause(clause.span, (generator.left, *clause.patterns), clause.guard, clause.body)
        start = self.value(node.keywords.pairs[0].value, scope)
        return self.reduced(generator.right, start, Function(ast.Fn(node.span, (whole,)), scope), scope)

    def reduce(self, node: ast.Call, scope: Scope) -> Value:
        return self.reduced(node.args[0], self.value(node.args[1], scope), self.value(node.args[2], scope), scope)

    def reduced(self, over: ast.Node, value: Value, function: Function, scope: Scope) -> Value:
        if value is NEVER:
            return NEVER
        type_ = without_bits(value)
        turns = self.turns(over, scope)
        with self.quietly():
            for turn in [*turns[:1], *turns[:1]]:
                type_ = met(type_, self.apply(function, [turn, type_]))
        value = met(value, type_)
        for turn in turns:
            value = met(self.apply(function, [turn, value]), type_)
        return value

    def apply(self, function: Function, args: list[Value]) -> Value:
        clauses = [(clause.patterns, clause.guard, clause.body) for clause in function.node.clauses]
        return self.clauses(clauses, args, function.scope)

    # ------------------------------------------------------------ values

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
                return self.filled(made, entries, scope)
            case ast.MapLit(base=ast.Node() as base, entries=entries):
                view = self.present(self.value(base, scope))
                if view is NEVER:
                    return NEVER
                return self.filled(copied(view, self.layouts.size(view.type)), entries, scope)
            case ast.Unary(op=op, operand=operand):
                return self.unary(op, self.value(operand, scope))
            case ast.Binary(op="=", left=left, right=right):
                return self.assign(left, right, scope)
            case ast.Binary(op="|>", left=left, right=ast.Call() as right):
                return self.value(replace(right, args=(left, *right.args)), scope)
            case ast.Binary(op=op, left=left, right=right):
                return self.binary(op, left, right, scope)
            case ast.Call(target=None, name=name) if name in self.functions:
                return self.call(name, [self.value(arg, scope) for arg in node.args])
            case ast.Call():
                return self.construct(node, scope)
            case _:
                raise NotImplementedError(type(node).__name__)

    def construct(self, node: ast.Call, scope: Scope) -> Value:
        """Control flow; everything else is a call of the library."""
        blocks = node.do_block
        match node.name:
            case "if" | "unless":
                assert blocks is not None
                if node.name == "if":
                    return self.branch(node.args[0], blocks.body, blocks.else_, scope)
                return self.branch(node.args[0], blocks.else_, blocks.body, scope)
            case "cond":
                return self.cond(node, scope)
            case "case":
                assert blocks is not None
                assert isinstance(blocks.body, ast.Clauses)
                clauses = [(clause.patterns, clause.guard, clause.body) for clause in blocks.body.clauses]
                return self.clauses(clauses, [self.value(node.args[0], scope)], scope)
            case "return":
                value = self.value(node.args[0], scope)
                if not self.quiet:
                    raise Returned(value)
                self.returned.append(value)
                return NEVER
            case "for":
                return self.for_(node, scope)
            case "with":
                return self.with_(node, node.args, scope)
            case "each":
                function = self.value(node.args[1], scope)
                for turn in self.turns(node.args[0], scope):
                    self.apply(function, [turn])
                return None
            case "reduce":
                return self.reduce(node, scope)
            case "fuel":
                return self.with_fuel(node, scope)
            case _:
                from source_library import library

                return library(self, node, scope)

    def with_fuel(self, node: ast.Call, scope: Scope) -> Value:
        """``fuel(n, f(...))``: so many calls of ``f`` may be nested; how deep it goes decides the result's type."""
        called = node.args[1]
        assert isinstance(called, ast.Call)
        args = [self.value(arg, scope) for arg in called.args]
        before, left = self.fuel.get(called.name), self.value(node.args[0], scope).bits
        self.fuel[called.name] = left
        try:
            value = self.call(called.name, args)
        finally:
            self.fuel[called.name] = before
        return Number(value.bits, value.signed, loose=True) if isinstance(value, Number) else value

    def filled(self, view: View, entries: Sequence[ast.Pair], scope: Scope) -> View:
        """A new struct with fields set."""
        values = [(each.key.name, self.value(each.value, scope)) for each in entries]  # type: ignore[attr-defined]  # keys are atoms
        for name, value in values:
            type_, at = self.layouts.known[view.type[7:]].fields[name]
            self.store(view, type_, at, value)
        return view

    def field(self, value: Value, name: str) -> Value:
        if value == Symbol("ctx"):
            return Number(len(self.packet), False)
        view = self.present(value)
        if view is NEVER:
            return NEVER
        type_, at = self.layouts.known[view.type[7:]].fields[name]
        return self.loaded(view, type_, at)

    def loaded(self, view: View, type_: str, at: int = 0) -> Value:
        """What lies there: an integer, or a view of a part."""
        if type_ not in SIZES:
            return View(type_, view.home, view.memory, view.offset + at)
        data = bytes(view.memory[view.offset + at : view.offset + at + SIZES[type_]])
        return without_bits(decoded(data or bytes(SIZES[type_]), type_)) if self.quiet else decoded(data, type_)

    def present(self, value: Value) -> Any:
        """The value where there is one; what Elixir cannot do with nil raises."""
        if value is None and not self.quiet:
            raise Raised
        return NEVER if value is None else value

    def index(self, view: View, index: Value) -> int:
        if self.quiet:
            return 0
        at = self.present(index).value
        if not 0 <= at < self.layouts.size(view.type):
            raise Raised
        return int(at)

    def stored(self, value: Value, type_: str) -> bytes:
        """The bytes of a value that is stored as ``type_``."""
        value = self.present(value)
        match value:
            case Number(bits=int(bits)) | Network(bits=int(bits)):
                return encoded(bits, type_)
            case View():
                return bytes(value.memory[value.offset : value.offset + self.layouts.size(type_)])
            case list():
                return b"".join(self.stored(each, "u8") for each in value).ljust(self.layouts.size(type_), b"\0")
            case _:
                raise NotImplementedError(repr(value))

    # ------------------------------------------------------------ operators

    def unary(self, op: str, value: Value) -> Value:
        if op in ("not", "!"):
            return UNKNOWN if self.quiet else not truthy(value)
        number = self.present(value)
        if self.quiet or number is NEVER:
            return without_bits(number)
        if number.literal:
            return literal(-number.value if op == "-" else ~number.value)
        bits = -number.bits if op == "-" else ~number.bits
        return Number(bits % WORD, number.signed, loose=number.loose)

    def binary(self, op: str, left: ast.Node, right: ast.Node, scope: Scope) -> Value:
        one = self.value(left, scope)
        if op in ("and", "&&", "or", "||"):
            return self.logic(op in ("or", "||"), one, right, scope)
        if op == "in":
            return self.member(self.present(one), right, scope)
        other = self.value(right, scope)
        if op in ("==", "!="):
            return UNKNOWN if self.quiet else self.same(one, other) is (op == "==")
        return self.calculated(op, one, other)

    def logic(self, is_or: bool, one: Value, right: ast.Node, scope: Scope) -> Value:
        if not self.quiet and truthy(one) is not is_or:
            # A literal in place of what was missing has the type that this would have had.
            return passed(self.value(right, scope))
        with self.quietly():
            other = self.value(right, scope)
        return met(one, other) if is_or else one

    def member(self, one: Number, right: ast.Node, scope: Scope) -> Value:
        if self.quiet:
            return UNKNOWN
        if isinstance(right, ast.ListLit):
            items = [self.value(item, scope) for item in right.items]
            return any(self.same(one, item) for item in items)
        assert isinstance(right, ast.Binary)
        ends = [self.value(side, scope) for side in (right.left, right.right)]
        return self.calculated(">=", one, ends[0]) and self.calculated("<=", one, ends[1])

    def same(self, one: Value, other: Value) -> bool:
        match one, other:
            case Number(literal=True), Number(literal=True):
                return bool(one.value == other.value)
            case (Number(), Number()) | (Network(), Network()):
                return bool(one.bits == other.bits)
            case View(), View():
                fields = self.layouts.known[one.type[7:]].fields if one.type.startswith("struct:") else {}
                if not fields:
                    size = self.layouts.size(one.type)
                    parts = [view.memory[view.offset : view.offset + size] for view in (one, other)]
                    return parts[0] == parts[1]
                return all(self.same(self.loaded(one, *field), self.loaded(other, *field)) for field in fields.values())
            case _:
                return bool(one == other)

    def calculated(self, op: str, one: Value, other: Value) -> Value:
        """An operation on two integers, at 64 bits."""
        left, right = self.present(one), self.present(other)
        if NEVER in (left, right):
            return NEVER
        if left.literal and right.literal and not self.quiet:
            return of_literals(op, left.value, right.value)
        signed, loose = (left.signed, left.loose) if op in ("<<<", ">>>") else common(left, right)
        if self.quiet:
            return UNKNOWN if op in COMPARISONS else Number(None, signed, loose=loose)
        result = operation(op, left, right, signed)
        if loose and operation(op, left, right, not signed) != result:
            raise Unspecified
        if op in COMPARISONS:
            return result
        return Number(result, signed, loose=loose)


def body_of(node: ast.Call) -> ast.Block:
    """The block behind ``do``."""
    assert node.do_block is not None
    assert isinstance(node.do_block.body, ast.Block)
    return node.do_block.body
