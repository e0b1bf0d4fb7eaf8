# SPDX-License-Identifier: Apache-2.0
"""The kernel's eBPF helper functions: numbers, prototypes, what the verifier expects of arguments, and since when."""

from __future__ import annotations

from enum import Enum
from functools import cache

from honey.kernel import sections
from honey.kernel.layout import KernelType, decode_type
from honey.kernel.table import table
from honey.records import dataclass

TABLE = "helpers"


class Role(Enum):
    """What the verifier expects of an argument."""

    ANY = "any"
    """A plain value; of pointer type: an address that the helper itself checks."""
    CONTEXT = "context"
    """The program's context."""
    MAP = "map"
    """A map, known when the program is loaded."""
    MAP_KEY = "map_key"
    """A pointer to a key of the map among the arguments."""
    MAP_VALUE = "map_value"
    """A pointer to a value of the map among the arguments."""
    MAP_FIELD = "map_field"
    """A pointer to a special field in a map's value: a timer, a spin lock, a kernel pointer."""
    MAP_VALUE_OUT = "map_value_out"
    """A pointer to memory of the size of the map's value, to be filled."""
    MEMORY = "memory"
    """A pointer to initialised memory whose size is the next argument, or is fixed by the type."""
    MEMORY_OUT = "memory_out"
    """A pointer to memory that the helper fills, with its size next or fixed by the type."""
    SIZE = "size"
    """The size of the memory before it, above 0."""
    SIZE_OR_ZERO = "size_or_zero"
    """The size of the memory before it; 0 is allowed."""
    STRING = "string"
    """A pointer to a constant string in a read-only map."""
    ALLOCATION_SIZE = "allocation_size"
    """A constant size of memory to give (a ring buffer record)."""
    RECORD = "record"
    """Memory that a helper gave and that this helper takes back (a ring buffer record)."""
    SOCKET = "socket"
    """A pointer to a socket that the verifier knows."""
    KERNEL_OBJECT = "kernel_object"
    """A pointer to a kernel object that the verifier knows by BTF (a task, a file)."""
    FUNCTION = "function"
    """A function of the program that the helper calls."""
    STACK = "stack"
    """A pointer to a local variable, handed on to the function called."""
    DYNPTR = "dynptr"
    """A ``struct bpf_dynptr`` on the stack."""
    PER_CPU = "per_cpu"
    """A pointer to a per-CPU variable of the kernel."""


@dataclass(frozen=True, slots=True)
class HelperArgument:
    """An argument of a helper; ``optional`` ones may be NULL."""

    name: str
    type: KernelType
    role: Role
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper function.

    ``result`` is its C return type (``None``: void); ``may_be_null`` says that a pointer it returns must be tested.
    ``gpl_only`` and ``may_sleep`` (only for sleepable programs) are ``None`` where the kernel at hand lacks the helper,
    and then ``sections`` is empty. ``variadic`` ones take up to three further
    values. ``since`` is the first kernel release with it, as ``(6, 1)``. ``sections`` are the kinds of sections
    (``honey.kernel.sections``) whose programs may call it.
    """

    name: str
    number: int
    result: KernelType | None
    may_be_null: bool
    arguments: tuple[HelperArgument, ...]
    gpl_only: bool | None
    may_sleep: bool | None
    variadic: bool
    since: tuple[int, int]
    sections: frozenset[str]
    summary: str

    def allowed_in(self, kind: str) -> bool | None:
        """Whether programs in sections of ``kind`` may call the helper; ``None`` where that is not known."""
        known = self.gpl_only is not None and kind in sections.helpers_known()
        return kind in self.sections if known else None


@cache
def helper(name: str) -> Helper | None:
    """The helper ``name``, with or without ``bpf_`` in front; ``None`` if there is none."""
    full = name if name.startswith("bpf_") else f"bpf_{name}"
    record = table(TABLE).get(full)
    if record is None:
        return None
    major, minor = record["since"]
    return Helper(
        name=full,
        number=record["number"],
        result=decode_type(record["result"]),
        may_be_null=record["may_be_null"],
        arguments=tuple(_argument(*argument) for argument in record["arguments"]),
        gpl_only=record["gpl_only"],
        may_sleep=record["may_sleep"],
        variadic=record["variadic"],
        since=(major, minor),
        sections=frozenset(record["sections"]),
        summary=record["summary"],
    )


def _argument(name: str, type_: object, role: str, optional: int) -> HelperArgument:
    decoded = decode_type(type_)
    if decoded is None:
        raise ValueError(f"argument {name} of type void")
    return HelperArgument(name, decoded, Role(role), bool(optional))


def names() -> tuple[str, ...]:
    """All helpers with their ``bpf_``, sorted."""
    return table(TABLE).names()
