# SPDX-License-Identifier: Apache-2.0
"""Structs: the layout of those declared in the source, and those of the kernel with the fields that are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from honey.analysis import kernel_types
from honey.ir import types as t
from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class FieldDeclaration:
    """A field as written: ``align`` is a wish for more than its type needs, 0 if there is none."""

    name: str
    type: t.Type
    align: int = 0


def lay_out(
    name: str, fields: Sequence[FieldDeclaration], *, packed: bool = False, align: int = 0, doc: str = ""
) -> t.StructDef:
    """The struct as C lays it out, with each hole and the tail as a padding field of its own."""
    placed: list[t.Field] = []
    offset = 0
    largest = max(1, align)
    for declared in fields:
        wanted = max(1 if packed else declared.type.align, declared.align)
        largest = max(largest, wanted)
        start = -(-offset // wanted) * wanted
        placed.extend(_padding(len(placed), offset, start))
        placed.append(t.Field(declared.name, declared.type, start))
        offset = start + declared.type.size
    end = -(-offset // largest) * largest
    placed.extend(_padding(len(placed), offset, end))
    return t.StructDef(t.Struct(name, end, largest), tuple(placed), packed, f"struct {name}", doc)


def _padding(number: int, start: int, end: int) -> Iterator[t.Field]:
    if end > start:
        yield t.Field(f"__pad{number}", t.Array(t.U8, end - start), start, padding=True)


class Structs:
    """All structs that a program may name; remembers which fields of the kernel's it uses."""

    def __init__(self) -> None:
        """No structs yet."""
        self.declared: dict[str, t.StructDef] = {}
        self._kernel: dict[str, kernel_types.KernelDefinition] = {}

    def add(self, definition: t.StructDef) -> None:
        """A struct of the source."""
        self.declared[definition.type.name] = definition

    def find(self, name: str) -> t.Struct | None:
        """The struct called ``name``: the source's own, else the kernel's; ``None`` if there is none."""
        if (own := self.declared.get(name)) is not None:
            return own.type
        definition = self._definition(name)
        return definition.type if definition is not None else None

    def field(self, struct: t.Struct, name: str) -> t.Field | None:
        """The field ``name``, which counts as used; ``None`` if the struct has none."""
        if (own := self.declared.get(struct.name)) is not None:
            return own.field(name)
        definition = self._definition(struct.name)
        return definition.use(name) if definition is not None else None

    def field_names(self, struct: t.Struct) -> list[str]:
        """The names of all fields, for messages."""
        if (own := self.declared.get(struct.name)) is not None:
            return [field.name for field in own.fields if not field.padding]
        definition = self._definition(struct.name)
        return definition.names() if definition is not None else []

    def definition(self, struct: t.Struct) -> t.StructDef | None:
        """The layout as far as it is known by now."""
        if (own := self.declared.get(struct.name)) is not None:
            return own
        definition = self._definition(struct.name)
        return definition.result() if definition is not None else None

    def used(self) -> tuple[t.StructDef, ...]:
        """All structs that the program needs, each after those that it contains."""
        ordered: dict[str, t.StructDef] = {}
        for definition in [d.result() for d in list(self._kernel.values())]:
            self._add_in_order(definition, ordered)
        for definition in self.declared.values():
            self._add_in_order(definition, ordered)
        return tuple(ordered.values())

    def _add_in_order(self, definition: t.StructDef, ordered: dict[str, t.StructDef]) -> None:
        if definition.type.name in ordered:
            return
        for field in definition.fields:
            inner = self._innermost(field.type)
            needed = self.definition(inner) if inner is not None and inner != definition.type else None
            if needed is not None:
                self._add_in_order(needed, ordered)
        ordered[definition.type.name] = definition

    @staticmethod
    def _innermost(type_: t.Type) -> t.Struct | None:
        while isinstance(type_, t.Array):
            type_ = type_.element
        return type_ if isinstance(type_, t.Struct) else None

    def _definition(self, name: str) -> kernel_types.KernelDefinition | None:
        if name not in self._kernel:
            definition = kernel_types.definition(name)
            if definition is None:
                return None
            self._kernel[name] = definition
        return self._kernel[name]
