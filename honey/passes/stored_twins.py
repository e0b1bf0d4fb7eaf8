# SPDX-License-Identifier: Apache-2.0
"""Points helpers at a number where it lies in memory already, in a field of a struct that was made of it.

    key = %key{pid: u32(pid), ...}              key = %key{pid: u32(pid), ...}
    lookup(by_pid, u32(pid))              →     lookup(by_pid, key.pid)

A key or a value is handed over in memory: a number in a register must be stored first. The same for an argument of an
own function that does nothing else with it (`by_reference` then passes its address).

Proof obligation: the field was stored when the struct was declared, from the same expression; neither the field nor
anything that the expression reads has been written since, on any path.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.footprint import Footprint, Writes, escaped_locals, reads
from honey.ir.nonnull import locals_written
from honey.ir.symbols import Symbols
from honey.ir.walk import map_children, pick, rewrite, walk
from honey.passes.by_reference import only_stored
from honey.passes.rewriting import as_block, each_function, with_blocks, with_body
from honey.records import dataclass, field, replace

_STRUCTS = frozenset((n.StructValue,))


def run(program: n.Program) -> n.Program:
    """``program`` with stored numbers taken from memory."""
    symbols = Symbols.of(program)
    writes = Writes(symbols)

    def rule(function: n.Function) -> n.Function:
        if not any(pick(function.body, _STRUCTS)):
            return function
        twins = _Twins(symbols, writes, escaped_locals(function), locals_written(function.body))
        return with_body(function, twins.block(function.body, ()))

    return each_function(program, rule)


@dataclass(frozen=True, slots=True)
class _Twin:
    """A field that holds what ``value`` gives; ``reads`` is what that reads."""

    value: n.Expr
    place: n.FieldPlace
    reads: Footprint


Known = tuple[_Twin, ...]


@dataclass(slots=True)
class _Twins:
    symbols: Symbols
    writes: Writes
    escaped: frozenset[int]
    changing: frozenset[int]
    values: dict[int, n.Expr] = field(default_factory=dict)

    def block(self, block: n.Block, known: Known) -> n.Block:
        """The block with what is stored taken from its twin; ``known`` are the twins on entry."""
        out: list[n.Stmt] = []
        for statement in block:
            new = self._statement(statement, known)
            out.append(new)
            known = self._surviving(known, new)
            if isinstance(new, n.Let) and isinstance(new.value, n.Expr) and new.local.id not in self.changing:
                self.values[new.local.id] = new.value
            if isinstance(new, n.Let) and isinstance(new.value, n.StructValue):
                known = (*known, *self._made(new.local, new.value))
        return as_block(out, block)

    def _made(self, struct: n.Local, value: n.StructValue) -> list[_Twin]:
        """The twins that a struct is made with: fields that hold all of a number, no constant."""
        twins = []
        for name, inner in value.fields:
            resolved = self._resolved(inner)
            place = n.FieldPlace(n.LocalPlace(struct), name, inner.type)
            whole = isinstance(inner.type, t.Int) and "." not in name and not self.symbols.in_bits(place)
            if whole and self._stays(resolved):
                twins.append(_Twin(resolved, place, reads(resolved)))
        return twins

    def _stays(self, expr: n.Expr) -> bool:
        return not reads(expr).spaces and bool(reads(expr).locals) and not reads(expr).locals & self.changing

    def _resolved(self, expr: n.Expr) -> n.Expr:
        """The expression with locals that never change replaced by what they were declared with."""

        def rule(node: object) -> object:
            if isinstance(node, n.Read) and isinstance(node.place, n.LocalPlace):
                value = self.values.get(node.place.local.id)
                return node if value is None or not self._stays(value) else self._resolved(value)
            return node

        return rewrite(expr, rule)

    def _statement(self, statement: n.Stmt, known: Known) -> n.Stmt:
        match statement:
            case n.If(_, then, otherwise):
                return with_blocks(statement, [self.block(then, known), self.block(otherwise, known)])
            case n.For(body=body):
                return with_blocks(statement, [self.block(body, self._surviving(known, statement))])
            case _:
                return map_children(statement, lambda child: self._effect(child, known)) if known else statement

    def _effect(self, node: object, known: Known) -> object:
        match node:
            case n.MapLookup() | n.MapUpdate() | n.MapDelete():
                return map_children(node, lambda child: self._twin_of(child, known))
            case n.Call(name, args):
                callee = self.symbols.functions[name]
                new = tuple(
                    self._twin_of(arg, known) if only_stored(callee, param) else arg
                    for arg, param in zip(args, callee.params, strict=True)
                )
                return node if all(one is old for one, old in zip(new, args, strict=True)) else replace(node, args=new)
            case _:
                return node

    def _twin_of(self, expr: n.Expr, known: Known) -> n.Expr:
        if not isinstance(expr.type, t.Int) or isinstance(expr, n.Const):
            return expr
        resolved = self._resolved(expr)
        found = next((twin for twin in known if twin.value == resolved and twin.place.type == expr.type), None)
        return expr if found is None else n.Read(found.place, found.place.type)

    def _surviving(self, known: Known, statement: n.Stmt) -> Known:
        if not known:
            return known
        return tuple(twin for twin in known if not self._may_write(twin, statement))

    def _may_write(self, twin: _Twin, statement: n.Stmt) -> bool:
        """Whether a statement may write the field; a store into another field of the same struct does not."""
        struct = twin.place.base
        for node in walk(statement):
            if isinstance(node, n.Assign) and isinstance(node.place, n.FieldPlace) and node.place.base == struct:
                if node.place.field.partition(".")[0] == twin.place.field:
                    return True
            elif isinstance(node, (n.Assign, n.ProbeRead, n.AtomicAdd, n.HelperCall, n.Call)):
                own = reads(twin.place).union(twin.reads)
                target: n.Stmt | n.Effect = (
                    replace(node, value=n.Const(0, t.U64)) if isinstance(node, n.Assign) else node
                )
                if self.writes.of(target).meets(own, self.escaped):
                    return True
        return False
