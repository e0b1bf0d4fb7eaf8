# SPDX-License-Identifier: Apache-2.0
"""Branches on null tests that clang must keep as they are.

clang merges a test with the one before it, and makes numbers of branches in which nothing is done but to calculate. Of
a test that is written ``apart`` it makes neither. Where a branch chooses between constants, one of them is written
``opaque``: to compare them would be the test again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from honey.emit.alternatives import Alternatives, lie_apart
from honey.emit.null_tests import NUMBER, Compared, NullTests, Tests, merged
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.symbols import Symbols
from honey.ir.walk import EFFECT_CLASSES, Node, children, pick, root_place
from honey.records import dataclass, field

_WORKS = frozenset((*EFFECT_CLASSES, n.Assign, n.Raise))
_VALUES = frozenset((n.Let, n.Assign, n.Return, n.Eval))
_CALLS: frozenset[type] = frozenset((n.Call,))
_BITS = {n.BinaryOp.AND, n.BinaryOp.SHL, n.BinaryOp.SHR, n.BinaryOp.DIV, n.BinaryOp.MOD, n.BinaryOp.MUL}
_READS = frozenset((n.Read,))
_SETS = frozenset((n.Assign, n.Return))
_LETS = frozenset((n.Let,))
_SELECTS = frozenset((n.Select,))
_NONE: Tests = frozenset()
_TESTS = frozenset((n.IsNull, n.Binary, n.Select, n.Unary, n.Call))


@dataclass(slots=True)
class KeptApart:
    """What is to be written otherwise for the null tests of one function: statements, by identity."""

    function: n.Function
    tests: NullTests
    symbols: Symbols
    prints: bool
    """Whether raises are printed."""
    known: dict[str, KeptApart]
    """The same for the functions that have been looked at, by name."""
    apart: set[int] = field(default_factory=set)
    """Branches whose test is written apart."""
    opaque: set[int] = field(default_factory=set)
    """Statements whose value is written opaque."""
    selects: frozenset[n.Select] = frozenset()
    """Choices by such a test, whose first value is written opaque, too."""
    last: Tests = frozenset()
    """What is tested last before the function is left."""
    _idle: dict[str, bool] = field(default_factory=dict)
    _values: Alternatives | None = None
    _needed: frozenset[int] | None = None
    _compared: Compared | None = None

    @classmethod
    def of(cls, function: n.Function, symbols: Symbols, *, prints: bool, known: dict[str, KeptApart]) -> KeptApart:
        """What ``function`` needs; ``known`` keeps it, and what is found out of those that it calls."""
        if function.name not in known:
            found = known[function.name] = cls(function, NullTests.of(function, symbols), symbols, prints, known)
            found.last |= found._block(function.body, _NONE, idle_behind=True, quiet_behind=True)
            found.selects = frozenset(filter(found._chooses, pick(function.body, _SELECTS)))
        return known[function.name]

    @property
    def inlined(self) -> bool:
        """Whether the function becomes a part of those that call it."""
        return self.function.section is None and self.function.inline is not n.Inline.NEVER

    @property
    def merges(self) -> bool:
        """Whether the function's value is merged with others where it is called."""
        return self.inlined and not isinstance(self.function.result, t.Void)

    @property
    def values(self) -> Alternatives:
        """What is known of the values of locals."""
        if self._values is None:
            self._values = Alternatives(self.symbols)
            self._values.block(self.function.body)
        return self._values

    @property
    def compared(self) -> Compared:
        """What the function compares."""
        if self._compared is None:
            self._compared = Compared.of(self.function, self.values, result=self.merges)
        return self._compared

    @property
    def needed(self) -> frozenset[int]:
        """Locals (by id) whose value clang has to know."""
        if self._needed is None:
            self._needed = _needed(self.function.body)
        return self._needed

    def _block(self, block: n.Block, near: Tests, *, idle_behind: bool, quiet_behind: bool) -> Tests:
        """Look through a block; gives the tests that are near what comes behind it.

        ``near`` are the tests just before it; ``idle_behind`` and ``quiet_behind`` say of what comes behind the block,
        to the function's end, that it only calculates, and that it tests nothing.
        """
        behind = [(idle_behind, quiet_behind)]
        for statement in reversed(block):
            idle, quiet = behind[-1]
            behind.append((idle and self._is_idle((statement,)), quiet and _is_quiet((statement,))))
        for statement, (idle, quiet) in zip(block, reversed(behind[:-1]), strict=True):
            match statement:
                case n.If():
                    near = self._branch(statement, near, idle, quiet)
                case n.For(body=body) | n.Scope(body=body):
                    near = self._block(body, _NONE, idle_behind=idle, quiet_behind=quiet)
                case n.Return():
                    self.last |= near
                case _:
                    near = (near if self._is_idle((statement,)) else _NONE) | self._called(statement)
        return near

    def _chooses(self, select: n.Select) -> bool:
        """Whether a test of a reference chooses between two values that clang may know."""
        if not self.tests.reference(select.condition):
            return False
        if self._are_told_apart(select.then, select.otherwise):
            return True
        return self._is_compared_with(select.then, select.otherwise) and select in self.compared.choices

    def _are_told_apart(self, one: n.Expr | n.Effect, other: n.Expr | n.Effect) -> bool:
        """Whether clang may tell from a value which of two it is."""
        return bool(self.values.of(one) and self.values.of(other)) or lie_apart(one, other)

    def _is_compared_with(self, one: n.Expr | n.Effect, other: n.Expr | n.Effect) -> bool:
        """Whether clang may compare two values each for itself, as it knows one of them and calculates the other."""
        return bool(self.values.of(one) or self.values.of(other)) and not (_is_loaded(one) or _is_loaded(other))

    def _branch(self, branch: n.If, near: Tests, idle: bool, quiet: bool) -> Tests:
        """Look through a branch; gives the tests that are near what comes behind it."""
        both, either = (self.tests.joinable(op, branch.condition) for op in (n.BinaryOp.LAND, n.BinaryOp.LOR))
        close = merged(near, both | either)
        leaves = _leaves(branch.then) or _leaves(branch.otherwise)
        value = self.tests.reference(branch.condition) and self._is_value(branch, near, idle, quiet)
        if close or value:
            self.apart.add(id(branch))
            near = _NONE
        if value and (self.merges or not leaves):
            self.opaque.update(self._known_values(branch))
        then = self._block(branch.then, near | both, idle_behind=idle, quiet_behind=quiet)
        otherwise = self._block(branch.otherwise, near | either, idle_behind=idle, quiet_behind=quiet)
        return (_NONE if _leaves(branch.then) else then) | (_NONE if _leaves(branch.otherwise) else otherwise)

    def _is_value(self, branch: n.If, near: Tests, idle: bool, quiet: bool) -> bool:
        """Whether clang may make a value of ``branch``, and there may be another one that it merges it with."""
        if not self._is_idle((*branch.then, *branch.otherwise)):
            return False
        if not (_leaves(branch.then) or _leaves(branch.otherwise)):
            return any(self._known_values(branch)) or not self._loads(branch)
        return idle and (self.merges or not (quiet and _is_quiet((*branch.then, *branch.otherwise)) and not near))

    def _known_values(self, branch: n.If) -> Iterator[int]:
        """What sets, on one side, what clang can tell from the value on the other side, or from the one before."""
        others: dict[n.Place | str, list[n.Expr | n.Effect]] = {}
        for node in pick(branch.otherwise, _SETS):
            target, value = _setting(node)
            if value is not None:
                others.setdefault(target, []).append(value)
        for statement in branch.then:
            target, value = _setting(statement)
            if value is None:
                continue
            before = others.get(target, ()) if branch.otherwise else self._first(target)
            known = not branch.otherwise and self.values.of(value)
            told = known or any(self._are_told_apart(value, other) for other in before)
            if told or (any(self._is_compared_with(value, other) for other in before) and self._asks_for(target)):
                yield id(statement)

    def _asks_for(self, target: n.Place | str) -> bool:
        """Whether what a place is given, or the function gives, is compared with anything."""
        if isinstance(target, str):
            return self.merges
        root = root_place(target)
        return not isinstance(root, n.LocalPlace) or root.local.id in self.compared.locals

    def _first(self, target: n.Place | str) -> Sequence[n.Expr | n.Effect]:
        """What a local is declared with."""
        if not isinstance(target, n.LocalPlace):
            return ()
        values = (let.value for let in pick(self.function.body, _LETS) if let.local.id == target.local.id)
        return [value for value in values if value is not None]

    def _loads(self, branch: n.If) -> bool:
        """Whether one side reads what is needed later through a reference, which clang does only where it must."""
        return any(
            isinstance(root_place(read.place), n.DerefPlace) and read.type.size == 8 and local.id in self.needed
            for side in (branch.then, branch.otherwise)
            for local, read in _reads(side)
        )

    def _called(self, statement: n.Stmt) -> Tests:
        """The tests that come last in functions that ``statement`` calls, if what they give is not the test."""
        if isinstance(statement, n.Let) and statement.local.id in self.tests.held:
            return _NONE
        names = {call.function for call in pick(statement, _CALLS)}
        return frozenset().union(*map(self._last_tests, names)) if names else _NONE

    def _last_tests(self, name: str) -> Tests:
        called = KeptApart.of(self.symbols.functions[name], self.symbols, prints=self.prints, known=self.known)
        if not called.inlined:
            return _NONE
        return frozenset(test if test == NUMBER else f"{name}: {test}" for test in called.last)

    def _is_idle(self, block: n.Block) -> bool:
        """Whether nothing is done in ``block`` but to calculate."""
        return all(self._calculates(node) for node in pick(block, _WORKS))

    def _calculates(self, node: object) -> bool:
        match node:
            case n.Assign(place):
                root = root_place(place)
                return not isinstance(root, n.DerefPlace) or _on_stack(root.ref.type)
            case n.Raise():
                return not self.prints
            case n.Call(name):
                return self._function_calculates(name)
            case _:
                return False

    def _function_calculates(self, name: str) -> bool:
        if name not in self._idle:
            function = self.symbols.functions[name]
            self._idle[name] = function.inline is not n.Inline.NEVER and self._is_idle(function.body)
        return self._idle[name]


def _setting(node: object) -> tuple[n.Place | str, n.Expr | n.Effect | None]:
    """The number that a place is given, or that the function gives; None for other values."""
    match node:
        case n.Assign(place, value) if isinstance(value.type, t.Int | t.Bool):
            return place, value
        case n.Return(value) if value is not None and isinstance(value.type, t.Int | t.Bool):
            return "result", value
        case _:
            return "", None


def _reads(block: n.Block) -> Iterator[tuple[n.Local, n.Read]]:
    """The locals that a block gives a value from memory."""
    for statement in block:
        match statement:
            case n.Assign(n.LocalPlace(local), n.Read() as read):
                yield local, read
            case _:
                pass


def _needed(block: n.Block) -> frozenset[int]:
    """The locals of whose value all bits are asked for: somewhere it is not shifted, masked, or given to a function."""
    found, waiting = set[int](), list[Node](block)
    while waiting:
        node = waiting.pop()
        if isinstance(node, n.Read) and isinstance(node.place, n.LocalPlace):
            found.add(node.place.local.id)
        if not _weakens(node):
            waiting += children(node)
    return frozenset(found)


def _weakens(node: object) -> bool:
    match node:
        case n.Binary(op):
            return op in _BITS
        case n.Cast(operand, type_):
            return type_.size < operand.type.size
        case _:
            return isinstance(node, n.Call)


def _is_loaded(value: n.Expr | n.Effect) -> bool:
    """Whether a value needs a look at memory, which clang does only where it is asked for, or the work of an effect."""
    if isinstance(value, n.Effect):
        return True
    return any(isinstance(root_place(read.place), n.DerefPlace) for read in pick(value, _READS))


def _on_stack(type_: t.Type) -> bool:
    """Whether a reference is one to a local of a caller, in whose place clang puts it."""
    return isinstance(type_, t.Ref) and type_.space is t.Space.STACK


def _leaves(block: n.Block) -> bool:
    return bool(block) and isinstance(block[-1], n.Return | n.Break | n.Raise)


def _is_quiet(block: n.Block) -> bool:
    """Whether no value in ``block`` comes from a test; those of branches are looked at one by one."""
    return not any(_may_test(node) for statement in pick(block, _VALUES) for node in pick(statement, _TESTS))


def _may_test(node: object) -> bool:
    match node:
        case n.Binary(n.BinaryOp.EQ | n.BinaryOp.NE):
            return True
        case n.Binary():
            return False
        case n.Unary(op):
            return op is n.UnaryOp.NOT
        case _:
            return True
