# SPDX-License-Identifier: Apache-2.0
"""How C spells the IR's types, alone and in declarations."""

from __future__ import annotations

from collections.abc import Mapping

from honey.ir import types as t
from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class Spelling:
    """Spells types; ``structs`` gives each struct's spelling (``struct flow``) by its name.

    An address of a struct that is not in ``defined`` is a ``void *``: nothing in the file says what lies there.
    """

    structs: Mapping[str, str]
    defined: frozenset[str]

    def base(self, type_: t.Type) -> str:
        """A type that needs nothing after the name it declares."""
        match type_:
            case t.Int(bits, signed, big_endian):
                return f"__{'be' if big_endian else 's' if signed else 'u'}{bits}"
            case t.Bool():
                return "bool"
            case t.Void():
                return "void"
            case t.Chars():
                return "char"
            case t.Struct(name):
                return self.structs.get(name, f"struct {name}")
            case _:
                raise ValueError(f"{type_} is not spelt in one piece")

    def declare(self, type_: t.Type, name: str) -> str:
        """A declaration of ``name`` without its semicolon; an empty name gives the type alone."""
        match type_:
            case t.Array(element, length):
                return self.declare(element, f"{name}[{length}]")
            case t.Chars(length):
                return f"char {name}[{length}]" if name else f"char[{length}]"
            case t.Ref(target, space, readonly=readonly):
                const = readonly and space is not t.Space.CONTEXT
                return ("const " if const else "") + self._pointer(target, name)
            case t.Address(target=target):
                unknown = target is None or (isinstance(target, t.Struct) and target.name not in self.defined)
                return self._pointer(t.VOID if unknown or target is None else target, name)
            case _:
                base = self.base(type_)
                return base + name if name.startswith("[") else f"{base} {name}".rstrip()

    def _pointer(self, target: t.Type, name: str) -> str:
        """A pointer to an array points to its first element, as arrays do in C."""
        match target:
            case t.Chars():
                return f"char *{name}"
            case t.Array(element):
                return self._to(element, name)
            case _:
                return self._to(target, name)

    def _to(self, target: t.Type, name: str) -> str:
        if isinstance(target, (t.Array, t.Chars)):
            return self.declare(target, f"(*{name})")
        if isinstance(target, (t.Ref, t.Address)):
            return self.declare(target, f"*{name}")
        return f"{self.base(target)} *{name}"

    def name(self, type_: t.Type) -> str:
        """The type alone, as in a cast or ``sizeof``."""
        return self.declare(type_, "")


def is_array(type_: t.Type) -> bool:
    """Whether C's arrays represent the type, which become pointers to their first element when they are used."""
    return isinstance(type_, (t.Array, t.Chars))


def mentions_bool(type_: t.Type | None) -> bool:
    """Whether C spells the type with ``bool``: it is one, holds some, or points to one."""
    while True:
        match type_:
            case t.Array(inner) | t.Ref(inner) | t.Address(target=inner):
                type_ = inner
            case _:
                return isinstance(type_, t.Bool)
