# SPDX-License-Identifier: Apache-2.0
"""Section names of eBPF programs as libbpf understands them: program type, attach type and context of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from honey.kernel.table import DATA_FOLDER, TableError

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
def kinds() -> dict[str, SectionKind]:
    """All kinds of sections by name."""
    return {row["name"]: SectionKind(**{**row, "shape": Context(row["shape"])}) for row in _document()["kinds"]}


def helpers_known() -> frozenset[str]:
    """The kinds of sections for which ``honey.kernel.helpers`` knows the helpers that programs may call."""
    return frozenset(_document()["helpers_known"])


@cache
def _document() -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((DATA_FOLDER / "sections.json").read_text())
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
    kind_name, table = name, kinds()
    while kind_name not in table:
        kind_name, slash, _ = kind_name.rpartition("/")
        if not slash:
            return None
    kind = table[kind_name]
    target = name[len(kind_name) + 1 :]
    return Section(
        kind=kind.name,
        target=target,
        spelling=name if kind.takes_target else kind.name,
        program_type=kind.program_type,
        attach_type=kind.attach_type,
        shape=kind.shape,
        context=_context(kind, target),
        sleepable=kind.sleepable,
    )


def _context(kind: SectionKind, target: str) -> str | None:
    if kind.attach_type == "BPF_TRACE_ITER":
        return f"bpf_iter__{target}" if target else None
    if kind.program_type != "BPF_PROG_TYPE_TRACEPOINT":
        return kind.context
    from honey.kernel import tracepoints

    tracepoint = tracepoints.find(target)
    return tracepoint.struct if tracepoint is not None else None


def names() -> tuple[str, ...]:
    """All kinds of sections, sorted."""
    return tuple(sorted(kinds()))
