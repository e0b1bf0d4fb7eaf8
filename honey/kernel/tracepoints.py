# SPDX-License-Identifier: Apache-2.0
"""The kernel's tracepoints by category and name, with the struct that a program attached to one gets as its context."""

from __future__ import annotations

from functools import cache
from typing import Any

from honey.kernel import syscalls, types
from honey.kernel.layout import KernelField, KernelInt, KernelType, decode_type
from honey.kernel.table import table
from honey.records import dataclass

TABLE = "tracepoints"
DATA_LOC = "__data_loc_"
SYSCALLS = "syscalls/sys_"


@dataclass(frozen=True, slots=True)
class TracepointField:
    """A field of a tracepoint's record.

    ``member`` is its name in the struct. A field with ``dynamic`` has its bytes elsewhere in the record: ``member``
    is a ``__u32`` whose low 16 bits are their offset from the start of the context and whose high 16 bits are their
    length, and ``type`` is that of one element.
    """

    name: str
    member: str
    offset: int
    type: KernelType
    dynamic: bool = False
    bit_offset: int = 0
    bit_size: int = 0


@dataclass(frozen=True, slots=True)
class Tracepoint:
    """A tracepoint; ``struct`` is the tag of its context (several events of one class share it)."""

    category: str
    name: str
    struct: str
    fields: tuple[TracepointField, ...]

    def field(self, name: str) -> TracepointField | None:
        """The field called ``name``, or ``None``; a dynamic field is found by its plain name."""
        return next((field for field in self.fields if field.name == name), None)


@cache
def find(path: str) -> Tracepoint | None:
    """The tracepoint ``CATEGORY/NAME``, or ``None``.

    Those of system calls all have the generic ``trace_event_raw_sys_enter`` or ``_exit``; the arguments that each
    has are in ``honey.kernel.syscalls``.
    """
    record = _record(path)
    struct = types.struct(record[0]) if record is not None else None
    if record is None or struct is None:
        return None
    category, _, name = path.partition("/")
    fields = tuple(_field(field, record[1]) for field in struct.fields() if _shown(field))
    return Tracepoint(category, name, record[0], fields)


def context(path: str) -> str | None:
    """The tag of the struct that programs at the tracepoint ``CATEGORY/NAME`` get, or ``None``."""
    record = _record(path)
    return record[0] if record is not None else None


def _record(path: str) -> Any | None:
    return _syscall_record(path) if path.startswith(SYSCALLS) else table(TABLE).get(path)


def _syscall_record(path: str) -> Any | None:
    direction, _, name = path.removeprefix(SYSCALLS).partition("_")
    known = direction in ("enter", "exit") and syscalls.signature(name) is not None
    return [f"trace_event_raw_sys_{direction}", {}] if known else None


def _shown(field: KernelField) -> bool:
    return field.name not in ("ent", "__data")


def _field(field: KernelField, dynamic: dict[str, object]) -> TracepointField:
    if field.name.startswith(DATA_LOC):
        name = field.name.removeprefix(DATA_LOC)
        element = decode_type(dynamic.get(name)) or KernelInt("char", 1, True)
        return TracepointField(name, field.name, field.offset, element, dynamic=True)
    return TracepointField(
        field.name, field.name, field.offset, field.type, bit_offset=field.bit_offset, bit_size=field.bit_size
    )


def names() -> tuple[str, ...]:
    """All tracepoints as ``CATEGORY/NAME``, those of system calls too, sorted."""
    calls = (f"{SYSCALLS}{direction}_{name}" for name in syscalls.names() for direction in ("enter", "exit"))
    return tuple(sorted([*table(TABLE).names(), *calls]))
