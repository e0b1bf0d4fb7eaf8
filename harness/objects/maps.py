# SPDX-License-Identifier: Apache-2.0
"""Maps as an object declares them: BTF-defined in ``.maps``, and the data sections libbpf makes arrays of."""

from __future__ import annotations

from dataclasses import dataclass

from harness.objects import types as t
from harness.objects import uapi
from harness.objects.btf import Btf
from harness.objects.errors import ObjectError

PIN_BY_NAME = 1
DATA_SECTIONS = (".rodata", ".data", ".bss")


@dataclass(frozen=True, slots=True)
class MapDefinition:
    """A map before it is created.

    ``type`` is the kernel's name in lower case (``hash``, ``ringbuf``, ...); ``key_type``/``value_type`` are BTF ids
    (None where the declaration gives only a size); ``max_entries`` is entries, for a ring buffer bytes; ``initial``
    is a data section's content (None for other maps); ``targets`` are the map or program names of ``values = {}``.
    """

    name: str
    type: str
    key_size: int
    value_size: int
    max_entries: int
    key_type: int | None = None
    value_type: int | None = None
    flags: int = 0
    pinned_by_name: bool = False
    inner: MapDefinition | None = None
    targets: tuple[str | None, ...] = ()
    initial: bytes | None = None

    @property
    def per_cpu(self) -> bool:
        """Whether each CPU has its own value."""
        return "percpu" in self.type

    @property
    def is_data(self) -> bool:
        """Whether this is a data section rather than a declared map."""
        return self.initial is not None


def map_definition(btf: Btf, name: str, struct_id: int, targets: tuple[str | None, ...] = ()) -> MapDefinition:
    """Read the declaring struct of a map in ``.maps``. Raises :class:`ObjectError` where it says nothing sensible."""
    declaration = btf.resolved(struct_id)
    if not isinstance(declaration, t.Composite):
        raise ObjectError(f"map {name} is not declared by a struct")
    numbers: dict[str, int] = {}
    types: dict[str, int] = {}
    inner: MapDefinition | None = None
    for member in declaration.members:
        kind = btf.resolved(member.type)
        if member.name == "values":
            inner = _inner(btf, name, kind)
        elif not isinstance(kind, t.Pointer):
            raise ObjectError(f"map {name}: field {member.name} is not written with __uint or __type")
        elif member.name in {"key", "value"}:
            types[member.name] = kind.target
        else:
            array = btf.resolved(kind.target)
            if not isinstance(array, t.Array):
                raise ObjectError(f"map {name}: field {member.name} is not written with __uint")
            numbers[member.name] = array.length
    number = numbers.get("type", 0)
    if number not in uapi.MAP_TYPE_NAMES:
        raise ObjectError(f"map {name} has the unknown type {number}")
    sizes = {
        part: numbers.get(f"{part}_size", btf.size(types[part]) if part in types else 0) for part in ("key", "value")
    }
    return MapDefinition(
        name=name,
        type=uapi.MAP_TYPE_NAMES[number],
        key_size=sizes["key"] or (4 if targets or inner else 0),
        value_size=sizes["value"] or (4 if targets or inner else 0),
        max_entries=numbers.get("max_entries", len(targets)),
        key_type=types.get("key"),
        value_type=types.get("value"),
        flags=numbers.get("map_flags", 0),
        pinned_by_name=numbers.get("pinning", 0) == PIN_BY_NAME,
        inner=inner,
        targets=targets,
    )


def _inner(btf: Btf, name: str, values: t.Type) -> MapDefinition | None:
    """The inner map of ``__array(values, struct {...})``; None for an array of programs."""
    if isinstance(values, t.Array):
        pointer = btf.resolved(values.element)
        if isinstance(pointer, t.Pointer) and isinstance(btf.resolved(pointer.target), t.Composite):
            return map_definition(btf, f"{name}.inner", pointer.target)
    return None
