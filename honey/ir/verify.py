# SPDX-License-Identifier: Apache-2.0
"""Checks that a program keeps the rules of `honey.ir.nodes`, after analysis and after each pass.

A finding is an `IRError`: a bug in the step that made the program, which the error names. What a user can do wrong is
analysis' business and never gets here.
"""

from __future__ import annotations

from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.check_types import check_node, require, require_fits, require_stores
from honey.ir.error import IRError
from honey.ir.nonnull import NonNullFacts, check_nonnull
from honey.ir.symbols import Symbols
from honey.ir.text import local
from honey.ir.walk import EFFECT_CLASSES, own_nodes, walk
from honey.records import dataclass, field

_KEYLESS = {n.MapKind.RINGBUF}


def verify(program: n.Program, stage: str = "analysis") -> None:
    """Raise `IRError`, naming ``stage``, if ``program`` breaks a rule."""
    symbols = Symbols.of(program)
    try:
        _check_names(program)
        for definition in program.structs:
            _check_struct(definition)
        for map_definition in program.maps:
            _check_map(map_definition)
    except IRError as error:
        raise error.at(stage=stage) from None
    for function in program.functions:
        verify_function(function, symbols, stage)


def verify_function(function: n.Function, symbols: Symbols, stage: str = "analysis") -> None:
    """Raise `IRError`, naming ``stage``, if ``function`` breaks a rule."""
    try:
        _FunctionCheck(symbols, function).run()
    except IRError as error:
        raise error.at(stage=stage, function=function.name) from None


def _check_names(program: n.Program) -> None:
    for what, names in (
        ("struct", [definition.type.name for definition in program.structs]),
        ("map", [definition.name for definition in program.maps]),
        ("function", [function.name for function in program.functions]),
    ):
        require(len(set(names)) == len(names), f"two definitions of one {what}: {', '.join(sorted(names))}", None)


def _check_struct(definition: t.StructDef) -> None:
    name, size, end = definition.type.name, definition.type.size, 0
    loose = definition.foreign or definition.type.kernel
    for item in definition.fields:
        require(loose or item.offset == end, f"struct {name} has a hole or an overlap at byte {end}", None)
        end = max(end, item.offset + item.type.size)
    require(loose or end == size, f"struct {name} ends at byte {end}, not {size}", None)


def _check_map(definition: n.MapDef) -> None:
    keyless = definition.kind in _KEYLESS
    require((definition.key is None) == keyless, f"map {definition.name}: wrong key", None)
    require((definition.value is None) == keyless, f"map {definition.name}: wrong value", None)
    require(definition.max_entries > 0, f"map {definition.name} has no room", None)


@dataclass(slots=True)
class _FunctionCheck:
    symbols: Symbols
    function: n.Function
    scope: dict[int, n.Local] = field(default_factory=dict)
    declared: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Check the function: its shape, its statements, and that every path gives its result."""
        if self.function.section is not None:
            require(len(self.function.params) == 1, "a handler has one parameter", None)
            require(self.function.result == t.S32, "a handler's result is s32", None)
        for param in self.function.params:
            self.declare(param)
        self.block(self.function.body, in_loop=False)
        if not isinstance(self.function.result, t.Void):
            require(leaves(self.function.body), "a path ends without a result", None)
        check_nonnull(self.function.body, NonNullFacts())

    def declare(self, variable: n.Local) -> None:
        """Enter a local into the innermost scope."""
        require(variable.id not in self.declared, f"{local(variable)} is declared twice", None)
        self.declared.add(variable.id)
        self.scope[variable.id] = variable

    def block(self, block: n.Block, *, in_loop: bool) -> None:
        """Check statements one after the other; what they declare ends with the block."""
        outer = dict(self.scope)
        for statement in block:
            self.statement(statement, in_loop=in_loop)
        self.scope = outer

    def statement(self, statement: n.Stmt, *, in_loop: bool) -> None:
        """Check a statement and the blocks in it."""
        self.nodes(statement)
        match statement:
            case n.Let(variable, value):
                if value is not None:
                    require_fits(value.type, variable.type, "the value", statement)
                self.declare(variable)
            case n.Assign(place, value):
                require_stores(value.type, place.type, "the value", statement)
                require(_writable(place), "the place is read-only", statement)
            case n.If(condition, then, otherwise):
                require(condition.type == t.BOOL, "the condition is not a truth value", statement)
                self.block(then, in_loop=in_loop)
                self.block(otherwise, in_loop=in_loop)
            case n.For(variable, _, _, step, body):
                require(step != 0, "a loop that does not move", statement)
                require(isinstance(variable.type, t.Int), "a loop counts with an integer", statement)
                outer = dict(self.scope)
                self.declare(variable)
                self.block(body, in_loop=True)
                self.scope = outer
            case n.Scope(body):
                self.block(body, in_loop=in_loop)
            case n.Break():
                require(in_loop, "break outside a loop", statement)
            case n.Return(value):
                result = value.type if value is not None else t.VOID
                require_fits(result, self.function.result, "the result", statement)
            case n.Raise():
                self.may_raise(statement)
            case n.Eval():
                pass

    def nodes(self, statement: n.Stmt) -> None:
        """Check what a statement evaluates: types, scopes, and that effects stand alone."""
        top = {id(child) for child in _top_level(statement)}
        for node in own_nodes(statement):
            if isinstance(node, n.LocalPlace):
                require(self.scope.get(node.local.id) == node.local, f"{local(node.local)} is not visible", statement)
            elif isinstance(node, EFFECT_CLASSES):
                require(id(node) in top, "an effect inside an expression", statement)
            check_node(node, self.symbols)
            if isinstance(node, n.ProbeRead):
                require(_writable(node.target), "the target of a read is read-only", statement)
            if isinstance(node, n.Call) and self.symbols.functions[node.function].may_raise:
                self.may_raise(statement)

    def may_raise(self, statement: n.Stmt) -> None:
        """A raise can happen here, and the function must say so."""
        require(self.function.may_raise, "a raise in a function that says it does not", statement)


def _top_level(statement: n.Stmt) -> list[object]:
    match statement:
        case n.Let(_, value) | n.Assign(_, value):
            return [value]
        case n.Eval(effect):
            return [effect]
        case _:
            return []


def _writable(place: n.Place) -> bool:
    for node in walk(place):
        if isinstance(node, n.DerefPlace):
            return isinstance(node.ref.type, t.Ref) and not node.ref.type.readonly
        if isinstance(node, n.LocalPlace):
            return True
    return True


def leaves(block: n.Block) -> bool:
    """Whether no path reaches the end of ``block`` (a loop counts as one that may be passed)."""
    for statement in block:
        match statement:
            case n.Return() | n.Raise() | n.Break():
                return True
            case n.If(_, then, otherwise) if leaves(then) and leaves(otherwise):
                return True
            case n.Scope(body) if leaves(body):
                return True
    return False
