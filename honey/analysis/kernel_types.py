# SPDX-License-Identifier: Apache-2.0
"""The kernel's types as types of the IR."""

from __future__ import annotations

from honey.ir import types as t
from honey.kernel import layout, types
from honey.records import dataclass, field


@dataclass(slots=True)
class KernelDefinition:
    """A struct of the kernel and the fields used so far; one of fixed layout has all its fields."""

    kernel: layout.KernelStruct
    type: t.Struct
    prefix: str = ""
    used: dict[str, t.Field] = field(default_factory=dict)

    def use(self, name: str) -> t.Field | None:
        """The field ``name`` with its type."""
        known = self.used.get(name)
        if known is not None:
            return known
        found = self.kernel.field(name)
        if found is None:
            return None
        type_ = convert(found.type, f"{self.type.name}.{name}")
        if type_ is None:
            return None
        bits, in_union = (found.bit_offset, found.bit_size), self.kernel.in_union(name)
        result = t.Field(name, type_, found.offset, False, *bits, in_union=in_union)
        self.used[name] = result
        return result

    def names(self) -> list[str]:
        """All fields' names."""
        return [found.name for found in self.kernel.fields()]

    def result(self) -> t.StructDef:
        """The layout with the fields used, in order; all fields where the layout is fixed."""
        if not self.type.kernel:
            for name in self.names():
                self.use(name)
        fields = tuple(sorted(self.used.values(), key=lambda used: used.offset))
        spelling, header = self.kernel.spelling, self.kernel.header
        return t.StructDef(self.type, fields, spelling=spelling, foreign=True, header=header)


def definition(name: str) -> KernelDefinition | None:
    """The struct or union ``name``, or, for ``STRUCT.FIELD``, the anonymous one that a field's type is."""
    outer, dot, member = name.rpartition(".")
    if dot:
        around = definition(outer)
        found = around.kernel.field(member) if around is not None else None
        kernel = types.members_of(found.type) if found is not None else None
    else:
        kernel = types.struct(name)
    if kernel is None or not kernel.size:
        return None
    return KernelDefinition(kernel, struct_type(kernel, name))


def struct_type(kernel: layout.KernelStruct, name: str) -> t.Struct:
    """The IR's name for a struct of the kernel."""
    outermost, dot, _ = name.partition(".")
    around = types.struct(outermost) if dot else kernel
    fixed = around is not None and around.stable
    return t.Struct(name, kernel.size, alignment(kernel), kernel=not fixed)


def convert(type_: layout.KernelType | None, path: str = "") -> t.Type | None:
    """A type of the kernel's in the IR; ``None`` for void and functions. ``path`` names anonymous structs."""
    if bits := layout.big_endian_bits(type_):
        return t.Int(bits, big_endian=True)
    match layout.resolve(type_):
        case layout.KernelInt(name="_Bool"):
            return t.BOOL
        case layout.KernelInt(size=size, signed=signed) | layout.KernelEnum(size=size, signed=signed) if size <= 8:
            return t.Int(size * 8, signed)
        case layout.KernelInt(size=size):
            return t.Array(t.U8, size)
        case layout.KernelPointer() as pointer:
            return t.Address(t.Space.KERNEL, _target(pointer))
        case layout.KernelArray(element=element, length=length):
            return _array(element, length, path)
        case layout.KernelStructRef(name=name):
            kernel = types.struct(name)
            return struct_type(kernel, name) if kernel is not None else None
        case layout.KernelStruct(name="") as anonymous:
            return struct_type(anonymous, path)
        case layout.KernelStruct(name=name) as known:
            return struct_type(known, name)
        case _:
            return None


def _target(pointer: layout.KernelPointer) -> t.Type | None:
    found = layout.pointee(pointer)
    if isinstance(found, layout.KernelStructRef):
        kernel = types.struct(found.name)
        return struct_type(kernel, found.name) if kernel is not None and kernel.size else None
    target = layout.resolve(pointer.target)
    return convert(target) if isinstance(target, layout.KernelInt) else None


def _array(element: layout.KernelType, length: int, path: str) -> t.Type | None:
    inner = layout.resolve(element)
    if isinstance(inner, layout.KernelInt) and inner.name == "char":
        return t.Chars(length)
    converted = convert(element, path)
    return t.Array(converted, length) if converted is not None else None


def alignment(type_: layout.KernelType | None) -> int:
    """Alignment in bytes."""
    match layout.resolve(type_):
        case layout.KernelArray(element=element):
            return alignment(element)
        case layout.KernelStructRef(name=name):
            kernel = types.struct(name)
            return alignment(kernel) if kernel is not None else 1
        case layout.KernelStruct(members=members):
            return max((alignment(member.type) for member in members), default=1)
        case layout.KernelInt(size=size) | layout.KernelEnum(size=size):
            return min(size, 8) or 1
        case layout.KernelPointer():
            return 8
        case _:
            return 1
