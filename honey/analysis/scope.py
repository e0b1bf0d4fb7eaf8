# SPDX-License-Identifier: Apache-2.0
"""Which names are bound to which values at a point of a function, and what is known of values there."""

from __future__ import annotations

from collections.abc import Iterator

from honey.analysis.code import Slot
from honey.analysis.values import OptionalValue, RuntimeAtom, UnionValue, Value
from honey.records import dataclass
from honey.syntax.source import Span


@dataclass(slots=True, eq=False)
class Presence:
    """An optional value is known to be there (or, if not ``present``, to be nil) from ``slot`` on."""

    present: bool
    slot: Slot
    epoch: int
    value: Value | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OptionalFact:
    """What a test has shown of an optional value."""

    subject: OptionalValue
    present: bool


@dataclass(frozen=True, slots=True, eq=False)
class UnionFact:
    """Which alternatives of a union a test has left."""

    subject: UnionValue
    left: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class AtomFact:
    """Which atoms a test has left."""

    subject: RuntimeAtom
    left: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class HeldFact:
    """A test has held from which nothing else follows; ``test`` is its expression."""

    test: object


@dataclass(frozen=True, slots=True, eq=False)
class OneFailedFact:
    """At least one of several tests has failed: each with what follows if it was that one.

    What is shown by it is told to nobody but the reader: the verifier does not see it, so that the test stays.
    """

    tests: tuple[tuple[object, Facts], ...]


Fact = OptionalFact | UnionFact | AtomFact | HeldFact | OneFailedFact
Facts = tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """A bound name; ``span`` is where it was bound."""

    value: Value
    span: Span


Names = dict[str, Binding]
"""What an anonymous function sees: the names of where it was made, as they were then."""


class Scope:
    """The names and facts of one branch; what is not here is looked for in the branch around it."""

    __slots__ = ("_closure", "_facts", "_names", "_parent", "_shared")

    def __init__(self, parent: Scope | None = None, closure: Names | None = None) -> None:
        """A scope inside ``parent``; that of an anonymous function has facts from there, and names from ``closure``."""
        self._parent = parent
        self._closure = closure
        self._names: dict[str, Binding] = {}
        self._facts: dict[object, object] = {}
        self._shared = False

    def as_it_is(self) -> Scope:
        """The facts that hold here and now; what is learnt later is not among them."""
        kept = Scope(self._parent.as_it_is() if self._parent is not None else None)
        kept._facts = self._facts
        kept._shared = self._shared = True
        return kept

    def bind(self, name: str, value: Value, span: Span) -> None:
        """Binds ``name`` from here on, in this branch only."""
        self._names[name] = Binding(value, span)

    def own_names(self) -> Names:
        """The names that are bound in this branch itself."""
        return dict(self._names)

    def put_back(self, before: Names) -> Names:
        """Makes `own_names` what they were; gives those that were bound since."""
        bound = {name: binding for name, binding in self._names.items() if before.get(name) is not binding}
        if bound:
            self._names = dict(before)
        return bound

    def add(self, names: Names) -> None:
        """Binds several names."""
        self._names.update(names)

    def find(self, name: str) -> Binding | None:
        """What ``name`` is bound to, or ``None``."""
        scope: Scope | None = self
        while scope is not None:
            if (binding := scope._names.get(name)) is not None:
                return binding
            if scope._closure is not None:
                return scope._closure.get(name)
            scope = scope._parent
        return None

    @property
    def is_generic(self) -> bool:
        """Whether this is inside an anonymous function, which others may call with other kinds of values."""
        return any(scope._closure is not None for scope in self._around())

    def own_spans(self) -> Iterator[tuple[str, Span]]:
        """The names that this branch itself has bound, and where."""
        return ((name, binding.span) for name, binding in self._names.items())

    def names(self) -> Iterator[str]:
        """All bound names, for suggestions."""
        yield from self.closure()

    def closure(self) -> Names:
        """All names as they are bound here and now."""
        inherited = self._closure
        if inherited is None:
            inherited = self._parent.closure() if self._parent is not None else {}
        return {**inherited, **self._names}

    def presence(self, subject: OptionalValue) -> Presence | None:
        """What is known of an optional value here."""
        found = self._fact(subject)
        return found if isinstance(found, Presence) else None

    def alternatives(self, subject: UnionValue) -> frozenset[int]:
        """Which alternatives of a union are still possible here."""
        found = self._fact(subject)
        return found if isinstance(found, frozenset) else frozenset(range(len(subject.alternatives)))

    def atoms(self, subject: RuntimeAtom) -> frozenset[str]:
        """Which atoms are still possible here."""
        found = self._fact(subject)
        return found if isinstance(found, frozenset) else subject.names

    def found_present(self) -> Facts:
        """Which optional values this branch itself has found to be there."""
        return tuple(
            OptionalFact(subject, present=True)
            for subject, fact in self._facts.items()
            if isinstance(subject, OptionalValue) and isinstance(fact, Presence) and fact.present
        )

    def learn(self, subject: object, fact: object) -> None:
        """Keeps a fact for the rest of this branch."""
        if self._shared:
            self._facts, self._shared = dict(self._facts), False
        self._facts[subject] = fact

    def is_there_by_exclusion(self, subject: OptionalValue) -> bool:
        """Whether tests that failed together leave only that ``subject`` is there (``{1, nil}``, then ``{1, x}``)."""
        facts = [fact for scope in self._around() for fact in scope._facts.values()]
        held = {fact.test for fact in facts if isinstance(fact, HeldFact)}
        return any(self._leaves(fact, held, subject) for fact in facts if isinstance(fact, OneFailedFact))

    def _around(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope._parent

    def _leaves(self, fact: OneFailedFact, held: set[object], subject: OptionalValue) -> bool:
        """Whether the only test that can have failed is one for ``subject``."""
        left = self._possible(fact, held)
        return len(left) == 1 and any(
            (isinstance(found, OptionalFact) and found.subject is subject and found.present)
            or (isinstance(found, OneFailedFact) and self._leaves(found, held, subject))
            for found in left[0]
        )

    def _possible(self, fact: OneFailedFact, held: set[object]) -> list[Facts]:
        """What follows from each of the tests that can have failed."""
        return [
            follows
            for test, follows in fact.tests
            if test not in held and not any(self._is_refuted(one, held) for one in follows)
        ]

    def _is_refuted(self, fact: Fact, held: set[object]) -> bool:
        """Whether something else is known."""
        match fact:
            case OptionalFact(subject, present):
                known = self.presence(subject)
                return known is not None and known.present != present
            case UnionFact(subject, left):
                return not left & self.alternatives(subject)
            case AtomFact(subject, names):
                return not names & self.atoms(subject)
            case OneFailedFact():
                return not self._possible(fact, held)
            case _:
                return False

    def _fact(self, subject: object) -> object:
        scope: Scope | None = self
        while scope is not None:
            if (fact := scope._facts.get(subject)) is not None:
                return fact
            scope = scope._parent
        return None
