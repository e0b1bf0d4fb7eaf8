# SPDX-License-Identifier: Apache-2.0
"""What analysis knows of a source value: IR expressions for what exists when the program runs, facts for the rest.

A value is immutable but for the objects that facts are kept about (:class:`OptionalValue`, :class:`UnionValue`): those
are compared by identity, so that a test of one name tells about every other name of the same value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honey.ir import nodes as n
from honey.ir import types as t
from honey.records import dataclass

if TYPE_CHECKING:
    from honey.analysis.code import Slot
    from honey.analysis.scope import Names
    from honey.syntax import ast

ParameterKey = tuple[object, ...]
"""A parameter of an own function: name, arity, index, and the indices of a part inside it."""


@dataclass(frozen=True, slots=True)
class IntValue:
    """An integer; ``literal`` ones have no type of their own and take that of what they meet."""

    expr: n.Expr
    literal: bool = False

    @property
    def type(self) -> t.Int:
        """The integer's type."""
        type_ = self.expr.type
        assert isinstance(type_, t.Int)
        return type_

    @property
    def constant(self) -> int | None:
        """The value, if it is known now."""
        return self.expr.value if isinstance(self.expr, n.Const) else None


@dataclass(frozen=True, slots=True)
class BoolValue:
    """A truth value."""

    expr: n.Expr

    @property
    def constant(self) -> bool | None:
        """The value, if it is known now."""
        return bool(self.expr.value) if isinstance(self.expr, n.Const) else None


@dataclass(frozen=True, slots=True)
class NilValue:
    """``nil``."""


@dataclass(frozen=True, slots=True)
class AtomValue:
    """An atom that is known now and is neither nil nor a truth value nor a kernel constant."""

    name: str


@dataclass(frozen=True, slots=True)
class RuntimeAtom:
    """One of the atoms ``names``, told apart by number when the program runs."""

    expr: n.Expr
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class MemoryValue:
    """A struct, array or ``char[n]`` that lies somewhere.

    A ``reference`` is a map value or a record: assigning to its fields changes it for everyone. Else it is a value,
    and whoever binds it to a name that is changed in place makes a copy. A ``snapshot`` stands for a copy of what lay
    there when it was bound to a name.
    """

    place: n.Place
    reference: bool = False
    snapshot: Snapshot | None = None

    @property
    def is_whole(self) -> bool:
        """Whether this is all that a reference leads to, which names share; a part of it is a value."""
        return self.reference and isinstance(self.place, n.DerefPlace)

    @property
    def type(self) -> t.Type:
        """Type of what lies there."""
        return self.place.type


@dataclass(frozen=True, slots=True)
class AggregateValue:
    """A struct, array or ``char[n]`` that has no place yet."""

    expr: n.Expr

    @property
    def type(self) -> t.Type:
        """Type of the whole."""
        return self.expr.type


@dataclass(frozen=True, slots=True)
class AddressValue:
    """An address in user or kernel memory; nil when 0."""

    expr: n.Expr

    @property
    def type(self) -> t.Address:
        """The address's type."""
        type_ = self.expr.type
        assert isinstance(type_, t.Address)
        return type_


@dataclass(frozen=True, slots=True)
class ContextValue:
    """The handler's context."""

    expr: n.Expr


@dataclass(frozen=True, slots=True)
class StringValue:
    """Text that is known now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TextValue:
    """Text with values in it, to be printed: ``parts`` are texts and values in turn."""

    parts: tuple[str | Value, ...]


@dataclass(frozen=True, slots=True)
class RestValue:
    """What stands behind the first ``start`` bytes of a text in memory, until a name is bound to a copy of it."""

    text: MemoryValue | AggregateValue
    start: int


@dataclass(frozen=True, slots=True)
class TupleValue:
    """A tuple."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ListValue:
    """A list whose length is known now."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class RangeValue:
    """``first..last//step``, constants."""

    first: int
    last: int
    step: int

    @property
    def numbers(self) -> range:
        """The numbers in the range."""
        return range(self.first, self.last + (1 if self.step > 0 else -1), self.step)


@dataclass(frozen=True, slots=True)
class PlainMapValue:
    """``%{a: 1}``: a map whose keys are atoms that are known now."""

    fields: tuple[tuple[str, Value], ...]

    def get(self, name: str) -> Value | None:
        """The value under ``name``."""
        return next((value for key, value in self.fields if key == name), None)


@dataclass(frozen=True, slots=True, eq=False)
class FunctionValue:
    """``fn ... end`` or a capture, with the names of where it was made, as they were then."""

    fn: ast.Fn
    names: Names
    origin: FunctionValue | None = None
    """The function as it was written, where this is what came of it elsewhere."""


@dataclass(frozen=True, slots=True)
class NeverValue:
    """There is no value: the program has left before."""


@dataclass(frozen=True, slots=True)
class PoisonValue:
    """A value that could not be made sense of; the reason has been reported, and nothing more is to be said."""


@dataclass(slots=True, eq=False)
class Snapshot:
    """Reading a value behind a reference, once and at the right moment.

    The value is what lay there at the time of the look-up, or when a field was bound to a name. As long as nothing was
    written since (``epoch``), reading it where it is first known to be there gives the same; else it is read in
    ``slot``, right after the look-up.
    """

    name: str
    slot: Slot
    epoch: int
    early: Value | None = None


@dataclass(slots=True, eq=False)
class OptionalValue:
    """``present``, or nil where ``is_nil`` holds. ``present`` may only be evaluated where it is known to be there."""

    is_nil: n.Expr
    present: Value
    snapshot: Snapshot | None = None
    what: str = "this value"
    """What messages call it where it has no name."""
    certain: bool = False
    """Whether it is always there, though the verifier wants it tested: an entry of an array at a known index."""


@dataclass(slots=True, eq=False)
class UnionValue:
    """One of ``alternatives``, by the number in ``tag``."""

    tag: n.Expr
    alternatives: tuple[Value, ...]


Value = (
    IntValue
    | BoolValue
    | NilValue
    | AtomValue
    | RuntimeAtom
    | MemoryValue
    | AggregateValue
    | AddressValue
    | ContextValue
    | StringValue
    | TextValue
    | RestValue
    | TupleValue
    | ListValue
    | RangeValue
    | PlainMapValue
    | FunctionValue
    | NeverValue
    | PoisonValue
    | OptionalValue
    | UnionValue
)

NIL = NilValue()
NEVER = NeverValue()
POISON = PoisonValue()


def integer(value: int, name: str = "") -> IntValue:
    """An integer literal; beyond 64 signed bits it is unsigned."""
    type_ = t.S64 if -(1 << 63) <= value < 1 << 63 else t.U64
    return IntValue(n.Const(value, type_, name), literal=True)


def boolean(value: bool) -> BoolValue:
    """A truth value that is known now."""
    return BoolValue(n.Const(int(value), t.BOOL))


def describe(value: Value) -> str:
    """A value's kind in words for messages: ``a :u16``, ``a tuple``."""
    match value:
        case IntValue(literal=True):
            return "an integer"
        case IntValue():
            return f"a {type_words(value.type)}"
        case MemoryValue() | AggregateValue():
            return f"a {type_words(value.type)}"
        case AddressValue():
            return "a pointer"
        case OptionalValue():
            return f"{describe(value.present)} or nil"
        case AtomValue(name):
            return f"the atom :{name}"
        case _:
            return _WORDS[type(value)]


_WORDS: dict[type, str] = {
    BoolValue: "a truth value",
    NilValue: "nil",
    RuntimeAtom: "an atom",
    ContextValue: "the context",
    StringValue: "a string",
    TextValue: "a string with values in it",
    RestValue: "the rest of a string",
    TupleValue: "a tuple",
    ListValue: "a list",
    RangeValue: "a range",
    PlainMapValue: "a map",
    FunctionValue: "a function",
    NeverValue: "nothing",
    PoisonValue: "a value",
    UnionValue: "a value of several kinds",
}


def type_words(type_: t.Type) -> str:
    """A type as Honey spells it: ``:u16``, ``%flow{}``."""
    match type_:
        case t.Int(bits, signed, big_endian):
            return f":{'be' if big_endian else 's' if signed else 'u'}{bits}"
        case t.Bool():
            return ":bool"
        case t.Struct(name):
            return f"%{name}{{}}"
        case t.Array(element, length):
            return f"{{:array, {type_words(element)}, {length}}}"
        case t.Chars(length):
            return f":string of size {length}"
        case t.Address():
            return ":ptr"
        case t.Ref(target):
            return type_words(target)
        case _:
            return "nothing"
