# SPDX-License-Identifier: Apache-2.0
"""What `program_text` draws with: choices, lines of text, and the names that are in scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st
from program_types import FunctionType, MapType, StructType

T = TypeVar("T")
Statement: TypeAlias = "Callable[[Writer, int], None]"
"""Writes a statement whose parts may be nested so deep."""


@dataclass(slots=True)
class Scope:
    """The names that can be used, by kind: ``int``, ``be16``, ``bool``, ``struct:NAME``, ``ref:NAME``, ``maybe``..."""

    names: list[tuple[str, str]] = field(default_factory=list)
    changeable: set[str] = field(default_factory=set)

    def of(self, kind: str) -> list[str]:
        """The names of one kind, in the order of their binding."""
        return [name for name, found in self.names if found == kind]

    def starting(self, prefix: str) -> list[tuple[str, str]]:
        """Names and kinds where the kind starts with ``prefix``."""
        return [(name, kind) for name, kind in self.names if kind.startswith(prefix)]


class Writer:
    """A module as far as it is written: its text, what is declared, what is in scope.

    ``statements`` are what a block is drawn from.
    """

    def __init__(self, draw: st.DrawFn, statements: Sequence[Statement]) -> None:
        self.draw = draw
        self.statements = statements
        self.structs: list[StructType] = []
        self.maps: list[MapType] = []
        self.rings: list[str] = []
        self.functions: list[FunctionType] = []
        self.lines: list[str] = []
        self.depth = 1
        self.scope = Scope()
        self.section = ""
        self.result = "int"
        self.fresh = 0
        self.unchecked: set[str] = set()
        """References that may be nil, and are used all the same."""
        self.loops = 0
        self.budget = 0
        self.recursive = False

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def pick(self, items: Sequence[T]) -> T:
        return items[self.number(0, len(items) - 1)]

    def literal(self, numbers: tuple[int, ...]) -> str:
        return str(self.pick(numbers))

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent

    def name(self, prefix: str = "v") -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    def line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Lines are indented further."""
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def scoped(self) -> Iterator[None]:
        """What is bound in it ends with it."""
        outer = self.scope
        self.scope = Scope(list(outer.names), set(outer.changeable))
        yield
        self.scope = outer

    @contextmanager
    def inner(self) -> Iterator[None]:
        """A block: a scope of its own, and indented."""
        with self.indented(), self.scoped():
            yield

    def bind(self, name: str, kind: str, *, changeable: bool = False) -> None:
        self.scope.names.append((name, kind))
        if changeable:
            self.scope.changeable.add(name)

    def structure(self, name: str) -> StructType:
        return next(known for known in self.structs if known.name == name)

    def any_map(self) -> MapType:
        return self.pick(self.maps)

    def inside(self, prefix: str, struct: str) -> list[tuple[str, str]]:
        found = []
        for name, type_ in self.structure(struct).fields:
            if type_.startswith("struct:"):
                found += self.inside(f"{prefix}.{name}", type_.partition(":")[2])
            else:
                found.append((f"{prefix}.{name}", type_))
        return found

    def places(self) -> list[tuple[str, str]]:
        """What can be assigned to, with types: fields of structs and references."""
        found = []
        for name, kind in (*self.scope.starting("struct:"), *self.scope.starting("ref:")):
            if name in self.scope.changeable:
                found += self.inside(name, kind.partition(":")[2])
        return found

    def readable(self) -> list[tuple[str, str]]:
        """Fields of structs and references."""
        found = []
        for name, kind in (*self.scope.starting("struct:"), *self.scope.starting("ref:")):
            found += self.inside(name, kind.partition(":")[2])
        return found

    def block(self, depth: int) -> None:
        for _ in range(self.number(0, 4)):
            if self.budget <= 0:
                return
            self.budget -= 1
            self.pick(self.statements)(self, depth)
