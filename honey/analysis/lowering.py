# SPDX-License-Identifier: Apache-2.0
"""The state of analysing one function, and the primitive steps: naming, emitting, branching, checking for nil."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from honey.analysis import volatility
from honey.analysis.code import Code, OpenIf, Slot, leaves
from honey.analysis.errors import Left, Mistake, Poisoned, Restart
from honey.analysis.scope import AtomFact, Binding, Facts, HeldFact, OneFailedFact, OptionalFact, Presence, Scope
from honey.analysis.values import (
    NEVER,
    AtomValue,
    BoolValue,
    IntValue,
    MemoryValue,
    NeverValue,
    NilValue,
    OptionalValue,
    PoisonValue,
    RuntimeAtom,
    Snapshot,
    UnionValue,
    Value,
    describe,
)
from honey.ir import nodes as n
from honey.ir import types as t
from honey.ir.walk import walk
from honey.records import dataclass
from honey.syntax import ast
from honey.syntax.source import Span

if TYPE_CHECKING:
    from honey.analysis.unit import Unit
    from honey.analysis.values import ParameterKey
    from honey.kernel.sections import Section

Handler = Callable[["Lowering", Any, str], Value]
"""Gives the value of a syntax node; the string is the name that the value is about to be bound to, or ``""``."""

RESULT = t.VOID
"""The type of the constant that stands in a ``Return`` for the number of the value given back, until all are known."""


def read(local: n.Local) -> n.Read:
    """The value of a local."""
    return n.Read(n.LocalPlace(local), local.type)


@dataclass(frozen=True, slots=True)
class Packet:
    """What is known of the packet at hand: its Ethernet header, and where the header above the network's begins."""

    ethernet: MemoryValue
    offset: n.Expr


class Lowering:
    """One function (or one instance of a function) on its way from syntax to IR."""

    def __init__(self, unit: Unit, section: Section | None = None) -> None:
        """A function of ``unit``; handlers have a ``section``."""
        self.unit = unit
        self.report = unit.report
        self.section = section
        self.code: Code = []
        self.around: list[Code] = []
        self.scope = Scope()
        self.epoch = 0
        self._harmless = dict.fromkeys(t.Space, 0)
        self.returns: list[tuple[Value, Span, Scope]] = []
        self.changed_names: frozenset[str] = frozenset()
        self.owned: set[int] = set()
        self.may_raise = False
        self.in_guard = False
        self.spoilt = False
        self.context: n.Expr | None = None
        self.packet: Packet | None = None
        self.fuel: dict[tuple[str, int], int] = {}
        self.parameters: dict[int, ParameterKey] = {}
        self.ranges: dict[int, range] = {}
        self.lengths: set[int] = set()
        self.copied: dict[int, n.Place] = {}
        self.ended: dict[str, Span] = {}
        self._ids = 0
        self._not_left: dict[int, tuple[Code, int, object]] = {}

    # ------------------------------------------------------------ values of nodes

    def value(self, node: ast.Node, name: str = "") -> Value:
        """The value of ``node``; what must be done for it is added to the code."""
        value = self.unit.handlers[type(node)](self, node, name)
        if isinstance(value, PoisonValue):
            raise Poisoned
        return value

    def constant(self, value: Value) -> int | None:
        """The number that ``value`` is, where that must be known now; ``None`` if it is none, or not known.

        A number that is worked out from parameters makes the function one for each number that it is called with.
        """
        if not isinstance(value, IntValue) or value.constant is not None:
            return value.constant if isinstance(value, IntValue) else None
        roots = [node.local.id for node in walk(value.expr) if isinstance(node, n.LocalPlace)]
        wanted = {self.parameters[root] for root in roots if root in self.parameters}
        if roots and all(root in self.parameters for root in roots) and not wanted <= self.unit.knowledge.constants:
            self.unit.knowledge.constants |= wanted
            raise Restart
        return None

    def operands(self, nodes: Sequence[ast.Node]) -> list[Value]:
        """The values of ``nodes``, as if each was fixed before the next one is evaluated.

        What one of them binds, the others do not see, as in Elixir: `{x = 1, x}` has the `x` from before.
        """
        values: list[Value] = []
        pins: list[tuple[Slot, int]] = []
        scope, before, bound = self.scope, self.scope.own_names(), dict[str, Binding]()
        for node in nodes:
            value = self.value(node)
            bound.update(scope.put_back(before))
            if isinstance(value, NeverValue):
                raise Left
            slot = Slot()
            self.code.append(slot)
            pins.append((slot, self.epoch))
            values.append(value)
        for index, (slot, epoch) in enumerate(pins[:-1]):
            if epoch != self.epoch:
                values[index] = volatility.pin(self, values[index], slot)
        scope.add(bound)
        return values

    @contextmanager
    def names_apart(self) -> Iterator[None]:
        """What is bound in here is not seen behind: a branch that is known to be taken."""
        scope, before = self.scope, self.scope.own_names()
        try:
            yield
        finally:
            scope.put_back(before)

    # ------------------------------------------------------------ locals and statements

    def fresh(self, name: str, type_: t.Type) -> n.Local:
        """A new local, not declared yet."""
        self._ids += 1
        return n.Local(self._ids, name, type_)

    def let(self, name: str, value: n.Expr | n.Effect, span: Span | None) -> n.Read:
        """Declares a local with ``value``; gives the reading of it."""
        local = self.fresh(name, value.type)
        self.code.append(n.Let(local, value, span))
        if not isinstance(value, n.Expr):
            self.wrote(value)
        return read(local)

    def declare(self, name: str, type_: t.Type, span: Span | None) -> n.Local:
        """Declares a local without a value."""
        local = self.fresh(name, type_)
        self.code.append(n.Let(local, None, span))
        return local

    def run(self, effect: n.Effect, span: Span | None) -> None:
        """An effect whose result nobody wants."""
        self.code.append(n.Eval(effect, span))
        self.wrote(effect)

    def assign(self, place: n.Place, value: n.Expr | n.Effect, span: Span | None) -> None:
        """Stores into a place."""
        self.code.append(n.Assign(place, value, span))
        self._count(volatility.changed_by_store(place))

    def wrote(self, effect: n.Effect) -> None:
        """Counts an effect that may change memory which earlier values are read from."""
        if volatility.writes(effect):
            self._count(volatility.changed_by(effect))

    def _count(self, changed: frozenset[t.Space]) -> None:
        """Counts a change of memory in the spaces ``changed``, if of any behind references at all."""
        self.epoch += 1
        for space in t.Space:
            self._harmless[space] += space not in changed

    def changes(self, space: t.Space) -> int:
        """How often memory in a space may have changed so far."""
        return self.epoch - self._harmless[space]

    def give_back(self, value: Value, span: Span) -> None:
        """Leaves the function with ``value``."""
        if isinstance(value, NeverValue):
            return
        self.returns.append((value, span, self.scope.as_it_is()))
        self.code.append(n.Return(n.Const(len(self.returns) - 1, RESULT), span))

    def never_reached(self, span: Span) -> None:
        """Marks what follows a call that never comes back."""
        self.returns.append((NEVER, span, self.scope))
        self.code.append(n.Return(n.Const(len(self.returns) - 1, RESULT), span))

    def throw(self, exception: str, detail: str, span: Span) -> n.Raise:
        """The statement that leaves the handler with an exception."""
        self.may_raise = True
        return n.Raise(exception, detail, span)

    # ------------------------------------------------------------ branches

    @contextmanager
    def block(self, facts: Facts = ()) -> Iterator[Code]:
        """A new block whose names and facts end with it; once it has been left, the rest of it is passed over."""
        outer_code, outer_scope = self.code, self.scope
        self.around.append(outer_code)
        self.code, self.scope = [], Scope(outer_scope)
        self.learn(facts)
        try:
            yield self.code
        except Left:
            if not self.left:
                raise
        finally:
            self.around.pop()
            self.ended.update(self.scope.own_spans())
            self.code, self.scope = outer_code, outer_scope

    def learn(self, facts: Facts) -> None:
        """Keeps ``facts`` from here to the end of the branch."""
        for fact in facts:
            if isinstance(fact, OptionalFact):
                slot = Slot()
                self.code.append(slot)
                self.scope.learn(fact.subject, Presence(fact.present, slot, self.epoch))
            elif isinstance(fact, AtomFact):
                self.scope.learn(fact.subject, fact.left & self.scope.atoms(fact.subject))
            elif isinstance(fact, HeldFact | OneFailedFact):
                self.scope.learn(fact, fact)
            else:
                self.scope.learn(fact.subject, fact.left & self.scope.alternatives(fact.subject))

    def add_if(self, condition: n.Expr, then: Code, otherwise: Code, span: Span | None) -> None:
        """Adds a branch; a block after one that leaves needs no ``else`` and goes on at this level."""
        if leaves(then):
            self.code.append(OpenIf(condition, then, [], span))
            self.code.extend(otherwise)
        elif leaves(otherwise):
            self.code.append(OpenIf(condition, [], otherwise, span))
            self.code.extend(then)
        else:
            self.code.append(OpenIf(condition, then, otherwise, span))

    @property
    def left(self) -> bool:
        """Whether the current block has been left already.

        What was there the last time is not looked at again: a long block is asked after each of its statements.
        """
        code, start = self.code, 0
        seen = self._not_left.get(id(code))
        if seen is not None and seen[0] is code and len(code) >= seen[1] and code[seen[1] - 1] is seen[2]:
            start = seen[1]
        if leaves(code[start:]):
            return True
        if code:
            self._not_left[id(code)] = (code, len(code), code[-1])
        return False

    # ------------------------------------------------------------ nil

    def is_known(self, value: OptionalValue) -> bool | None:
        """Whether an optional value is known to be there (or, ``False``, to be nil) at this point."""
        presence = self.scope.presence(value)
        return presence.present if presence is not None else None

    def settled(self, value: Value) -> Value:
        """``value`` with what is known here applied: an optional value that is there is just the value."""
        match value:
            case OptionalValue():
                presence = self.scope.presence(value)
                if presence is None:
                    return value
                return self.settled(self._take(value, presence)) if presence.present else NilValue()
            case MemoryValue(snapshot=Snapshot() as snapshot):
                return self._as_bound(value, snapshot)
            case RuntimeAtom() if len(atoms := self.scope.atoms(value)) == 1:
                return AtomValue(next(iter(atoms)))
            case UnionValue(alternatives=alternatives):
                left = self.scope.alternatives(value)
                return self.settled(alternatives[next(iter(left))]) if len(left) == 1 else value
            case _:
                return value

    def required(self, value: Value, span: Span, exception: str = "ArgumentError") -> Value:
        """``value``, which Elixir would not do with nil: an unchecked one is tested, and raises."""
        value = self.settled(value)
        match value:
            case OptionalValue():
                if not value.certain and not self.scope.is_there_by_exclusion(value):
                    self._warn_unchecked(value, span, exception)
                self.code.append(OpenIf(value.is_nil, [self.throw(exception, "", span)], [], span))
                self.learn((OptionalFact(value, True),))
                return self.required(value, span, exception)
            case NilValue():
                raise self.mistake(
                    "HNY0301",
                    f"this is nil here, and then Elixir raises {exception}",
                    span,
                    help="give it a value, or test it with `if` first",
                    raises=True,
                )
            case UnionValue():
                raise self.mistake(
                    "HNY0200",
                    "this value may be of several kinds here",
                    span,
                    help="tell them apart with `case` first",
                )
            case NeverValue():
                raise Left
            case _:
                return value

    def _warn_unchecked(self, value: OptionalValue, span: Span, exception: str) -> None:
        from honey.analysis.errors import shown
        from honey.kernel.results import passing

        text = self.report.source.text(span)
        name = text if text.isidentifier() else "x"
        leave = f"|| return({passing(self.section)})"
        then = f"this raises {exception}"
        if self.in_guard:
            then, help = "this guard does not hold", f"say so: `when not is_nil({name}) and ...`"
        elif name == text:
            help = f"check it first: `if {name} do ... end`, or leave with `{name} {leave}`"
        else:
            text = shown(self.report, span, "...")
            help = f"bind it to a name first, and leave where it is nil: `x = {text} {leave}`"
        what = f"`{name}`" if name == text else value.what
        self.report.warn("HNY0300", f"{what} may be nil here, and then {then}", span, help=help)

    def _take(self, value: OptionalValue, presence: Presence) -> Value:
        snapshot = value.snapshot
        if snapshot is None:
            return value.present
        if snapshot.early is not None:
            return snapshot.early
        if presence.value is None:
            if presence.epoch != snapshot.epoch:
                return self._take_early(value, snapshot)
            presence.value = self._pin_in(presence.slot, snapshot.name, value.present)
        return presence.value

    def _take_early(self, value: OptionalValue, snapshot: Snapshot) -> Value:
        present = value.present
        assert isinstance(present, IntValue | BoolValue)
        type_ = present.expr.type
        safe = n.Select(value.is_nil, n.Const(0, type_), present.expr, type_)
        snapshot.early = self._pin_in(snapshot.slot, snapshot.name, type(present)(safe))
        return snapshot.early

    def _as_bound(self, value: MemoryValue, snapshot: Snapshot) -> Value:
        """What lay in a place when it was bound to a name: a copy, if it may have changed since."""
        if snapshot.early is None and snapshot.epoch != self.changes(volatility.space_of(value.place)):
            local = self.fresh(snapshot.name, value.type)
            snapshot.slot.code.append(n.Let(local, n.Read(value.place, value.type), None))
            snapshot.early = MemoryValue(n.LocalPlace(local))
        return snapshot.early or value

    def _pin_in(self, slot: Slot, name: str, value: Value) -> Value:
        outer, self.code = self.code, slot.code
        try:
            return volatility.pinned(self, value, name)
        finally:
            self.code = outer

    @property
    def is_told(self) -> bool:
        """Whether a test that always ends the same way is one here: in what others call, too, they may differ."""
        return self.section is not None and not self.in_guard and not self.scope.is_generic

    # ------------------------------------------------------------ what is wrong

    def mistake(self, code: str, message: str, span: Span, *, help: str | None = None, raises: bool = False) -> Mistake:
        """An exception to raise for an error in the source; ``raises``: running it, Elixir would raise."""
        return Mistake(self.report.mistake(code, message, span, help=help).diagnostic, raises=raises)

    def mismatch(self, wanted: str, value: Value, span: Span, *, help: str | None = None) -> Mistake:
        """The error for a value of the wrong kind."""
        return self.mistake("HNY0200", f"expected {wanted}, got {describe(value)}", span, help=help, raises=True)
