# SPDX-License-Identifier: Apache-2.0
"""Section names of eBPF programs as libbpf understands them: program type, attach type and context of each."""

from __future__ import annotations

import json
import os
from enum import Enum
from functools import cache
from typing import Any

from honey.kernel.table import DATA_FOLDER, TableError
from honey.records import dataclass

ALIASES = {"xdp_md": "xdp"}
"""Names that other compilers accept, and the one that libbpf knows."""


class Context(Enum):
    """What a program's one argument is."""

    STRUCT = "struct"
    """A pointer to the struct that ``Section.context`` names."""
    REGISTERS = "registers"
    """The registers at a probe, ``struct pt_regs``: the function's arguments are read from them."""
    ARGUMENTS = "arguments"
    """An array of 64-bit values: the arguments of the BTF function that ``target`` names."""
    OPAQUE = "opaque"
    """A pointer whose meaning the program's user decides."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section name taken apart.

    ``kind`` is libbpf's name for it (``tracepoint``, ``xdp``, ``cgroup/connect4``), ``target`` what follows
    (``syscalls/sys_enter_sendto``, ``""`` if nothing does), ``spelling`` the name to give to the section so that
    libbpf knows it. ``context`` is the tag of the context's struct where it has one. ``program_type`` and
    ``attach_type`` are the kernel's enumerators; ``attach_type`` is ``None`` where none is needed.
    """

    kind: str
    target: str
    spelling: str
    program_type: str
    attach_type: str | None
    shape: Context
    context: str | None
    sleepable: bool


@dataclass(frozen=True, slots=True)
class SectionKind:
    """A row of the table; ``takes_target`` says whether ``KIND/TARGET`` is understood."""

    name: str
    program_type: str
    attach_type: str | None
    shape: Context
    context: str | None
    sleepable: bool
    takes_target: bool


@cache
def kind(name: str) -> SectionKind | None:
    """The row of the kind ``name``, or ``None``."""
    row = _document()["kinds"].get(name)
    return SectionKind(name=name, **{**row, "shape": Context(row["shape"])}) if row is not None else None


def helpers_known() -> frozenset[str]:
    """The kinds of sections for which ``honey.kernel.helpers`` knows the helpers that programs may call."""
    return frozenset(_document()["helpers_known"])


@cache
def _document() -> dict[str, Any]:
    try:
        with open(os.path.join(DATA_FOLDER, "sections.json"), encoding="utf-8") as file:
            document: dict[str, Any] = json.load(file)
    except (OSError, ValueError) as error:
        raise TableError(f"cannot read the kernel data file sections.json: {error}") from error
    return document


@cache
def parse(name: str) -> Section | None:
    """The section ``name``, or ``None`` where libbpf knows no such kind.

    The longest kind that fits counts (``xdp/devmap`` before ``xdp``). A name after a kind that takes no target
    (``tc/ingress``) is understood, and left out of ``spelling``, because libbpf refuses it.
    The context of a tracepoint or iterator is ``None`` where the kernel has none of that name.
    """
    name = ALIASES.get(name, name)
    kind_name = name
    while (found := kind(kind_name)) is None:
        kind_name, slash, _ = kind_name.rpartition("/")
        if not slash:
            return None
    target = name[len(kind_name) + 1 :]
    return Section(
        kind=found.name,
        target=target,
        spelling=name if found.takes_target else found.name,
        program_type=found.program_type,
        attach_type=found.attach_type,
        shape=found.shape,
        context=_context(found, target),
        sleepable=found.sleepable,
    )


def _context(found: SectionKind, target: str) -> str | None:
    if found.attach_type == "BPF_TRACE_ITER":
        return f"bpf_iter__{target}" if target else None
    if found.program_type != "BPF_PROG_TYPE_TRACEPOINT":
        return found.context
    from honey.kernel import tracepoints

    return tracepoints.context(target)


def names() -> tuple[str, ...]:
    """All kinds of sections, sorted."""
    return tuple(sorted(_document()["kinds"]))
