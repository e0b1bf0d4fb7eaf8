# SPDX-License-Identifier: Apache-2.0
"""Prototypes of the kernel's functions, for fentry, fexit, kprobe, lsm and BTF tracepoint programs.

The names and types are those of BTF; static functions that the compiler took apart (``name.isra.0``) are not in it.
"""

from __future__ import annotations

from functools import cache

from honey.kernel.layout import KernelType, decode_type
from honey.kernel.table import table
from honey.records import dataclass

TABLE = "functions"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    name: str
    type: KernelType | None


@dataclass(frozen=True, slots=True)
class Function:
    """A function's parameters in order and what it returns (``None``: void)."""

    name: str
    parameters: tuple[Parameter, ...]
    result: KernelType | None


@cache
def signature(name: str) -> Function | None:
    """The prototype of the kernel function ``name``, or ``None``."""
    record = table(TABLE).get(name)
    if record is None:
        return None
    result, parameters = record
    return Function(
        name, tuple(Parameter(label, decode_type(type_)) for label, type_ in parameters), decode_type(result)
    )


def lsm_hook(hook: str) -> Function | None:
    """The prototype of the LSM hook ``hook`` as in ``lsm/file_open``, or ``None``."""
    return signature(f"bpf_lsm_{hook}")


def raw_tracepoint(name: str) -> Function | None:
    """What the tracepoint ``name`` hands to ``tp_btf`` and ``raw_tp`` programs, or ``None``."""
    function = signature(f"__traceiter_{name}")
    return Function(name, function.parameters[1:], None) if function is not None else None


def iterator(target: str) -> Function | None:
    """What ``iter/TARGET`` programs find in their context (``ctx.meta``, ``ctx.task``, ...), or ``None``."""
    return signature(f"bpf_iter_{target}")


def names() -> tuple[str, ...]:
    """All function names, sorted."""
    return table(TABLE).names()
