# SPDX-License-Identifier: Apache-2.0
"""A program's structs, maps and functions by name, for steps that look many of them up."""

from __future__ import annotations

from honey.ir.nodes import FieldPlace, Function, MapDef, Place, Program
from honey.ir.types import Address, Array, Field, Ref, Struct, StructDef, Type, meet
from honey.records import dataclass


@dataclass(frozen=True, slots=True)
class Symbols:
    """Tables from name to definition."""

    structs: dict[str, StructDef]
    maps: dict[str, MapDef]
    functions: dict[str, Function]

    @classmethod
    def of(cls, program: Program) -> Symbols:
        """The tables of ``program``."""
        return cls(
            {definition.type.name: definition for definition in program.structs},
            {definition.name: definition for definition in program.maps},
            {function.name: function for function in program.functions},
        )

    def fields(self, struct: Type, path: str) -> tuple[Field, ...] | None:
        """The fields that a dotted path of names passes through, outermost first; ``None`` if one does not exist."""
        found: list[Field] = []
        current = struct
        for name in path.split("."):
            definition = self.structs.get(current.name) if isinstance(current, Struct) else None
            field = definition.field(name) if definition is not None else None
            if field is None:
                return None
            found.append(field)
            current = field.type
        return tuple(found)

    def field_type(self, struct: Type, path: str) -> Type | None:
        """The type at the end of a dotted path of names, or ``None``."""
        fields = self.fields(struct, path)
        return fields[-1].type if fields else None

    def bit_field(self, struct: Type, path: str) -> Field | None:
        """The field at the end of a dotted path of names, if it is a bit-field."""
        fields = self.fields(struct, path)
        return fields[-1] if fields and fields[-1].bit_size else None

    def in_bits(self, place: Place) -> bool:
        """Whether ``place`` is a bit-field: it has no address, and holds less than a value of its type may be."""
        return isinstance(place, FieldPlace) and self.bit_field(place.base.type, place.field) is not None

    def meet(self, struct: Type, one: str, other: str) -> bool:
        """Whether the fields at the ends of two paths share some bits, as parts of each other or members of a union."""
        first, second = self.fields(struct, one), self.fields(struct, other)
        assert first is not None
        assert second is not None
        before = 8 * (sum(field.offset for field in first[:-1]) - sum(field.offset for field in second[:-1]))
        return meet(first[-1], second[-1], before)

    def read_path(self, struct: Struct, path: tuple[str, ...]) -> tuple[tuple[Field, ...], ...] | None:
        """The fields that a read by relocation passes through; each group but the first begins behind a pointer."""
        groups: list[list[Field]] = [[]]
        current: Type | None = struct
        for name in (part for step in path for part in step.split(".")):
            if isinstance(current, (Address, Ref)) and groups[-1]:
                groups.append([])
                current = current.target
            definition = self.structs.get(current.name) if isinstance(current, Struct) else None
            field = definition.field(name) if definition is not None else None
            if field is None:
                return None
            groups[-1].append(field)
            current = field.type
        return tuple(tuple(group) for group in groups)

    def element(self, aggregate: Type, name: str) -> tuple[int, Type] | None:
        """Offset in bytes and type of a struct's field (a dotted path) or an array's element (its index as text)."""
        if isinstance(aggregate, Array):
            if not name.isdecimal() or int(name) >= aggregate.length:
                return None
            return int(name) * aggregate.element.size, aggregate.element
        fields = self.fields(aggregate, name)
        return (sum(field.offset for field in fields), fields[-1].type) if fields else None
