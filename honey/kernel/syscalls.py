# SPDX-License-Identifier: Apache-2.0
"""The system calls of x86-64: numbers and arguments, as the kernel's own tracepoints describe them.

Pointers among the arguments lead to user memory.
"""

from __future__ import annotations

from functools import cache

from honey.kernel.layout import KernelType, decode_type
from honey.kernel.table import table
from honey.records import dataclass

TABLE = "syscalls"
PREFIXES = ("sys_enter_", "sys_exit_")


@dataclass(frozen=True, slots=True)
class Argument:
    """Argument ``index`` (0 to 5) of a system call: ``ctx.args[index]`` of its ``sys_enter`` tracepoint."""

    index: int
    name: str
    type: KernelType


@dataclass(frozen=True, slots=True)
class Syscall:
    """A system call; ``name`` is that of its tracepoint (``newfstat``), ``number`` its id, -1 where it has none."""

    name: str
    number: int
    arguments: tuple[Argument, ...]

    def argument(self, name: str) -> Argument | None:
        """The argument called ``name``, or ``None``."""
        return next((argument for argument in self.arguments if argument.name == name), None)


@cache
def signature(name: str) -> Syscall | None:
    """The system call ``name``: ``sendto``, or its tracepoint ``sys_enter_sendto``; ``None`` if there is none.

    Where tracepoint and system call differ in name (``newfstat`` and ``fstat``), both are understood.
    """
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    record = table(TABLE).get(name)
    if isinstance(record, str):
        return signature(record)
    if record is None:
        return None
    number, arguments = record
    return Syscall(name, number, tuple(_argument(*argument) for argument in enumerate(arguments)))


def _argument(index: int, record: list[object]) -> Argument:
    name, type_ = record
    decoded = decode_type(type_)
    if not isinstance(name, str) or decoded is None:
        raise ValueError(f"not an argument record: {record!r}")
    return Argument(index, name, decoded)


def names() -> tuple[str, ...]:
    """All names that ``signature`` knows, without their ``sys_enter_``, sorted."""
    return table(TABLE).names()
