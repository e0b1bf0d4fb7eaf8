# SPDX-License-Identifier: Apache-2.0
"""What a pair's objects need of a kernel, as features that the agent asks for before it loads anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from harness.agent.probe import Feature
from harness.errors import RunError
from harness.objects import BpfObject, Program
from harness.objects.ext import RelocationKind as Kind
from harness.objects.insn import CALL
from harness.objects.uapi import HELPER_NAMES, HELPERS, MAP_TYPES, PROGRAM_TYPES

#: The program type behind libbpf's section names, where it does not follow from the name itself.
_SECTIONS: Final[Mapping[str, str]] = {
    "tp": "tracepoint",
    "raw_tp": "raw_tracepoint",
    **dict.fromkeys(("kretprobe", "ksyscall", "kretsyscall", "uprobe", "uretprobe", "usdt"), "kprobe"),
    **dict.fromkeys(("tc", "classifier", "tcx"), "sched_cls"),
    **dict.fromkeys(("fentry", "fexit", "fmod_ret", "tp_btf", "iter"), "tracing"),
    "action": "sched_act",
    "socket": "socket_filter",
    "sockops": "sock_ops",
}
#: Types of which a program says in types what it attaches to.
_BY_TYPES: Final = frozenset(("tracing", "lsm", "ext", "struct_ops"))
#: CO-RE relocations by which a program finds out for itself what a kernel has.
_ASKS_ITSELF: Final = frozenset((Kind.FIELD_EXISTS, Kind.TYPE_EXISTS, Kind.ENUMVAL_EXISTS, Kind.TYPE_MATCHES))


def needs_of(sides: Mapping[str, BpfObject], requires: Sequence[str]) -> list[dict[str, object]]:
    """The features as they stand in a job document, those of the benchmark file (``requires``) first."""
    found: dict[tuple[str, str, str], Feature] = {}
    for feature in (*map(required, requires), *(one for name, obj in sides.items() for one in _of_object(name, obj))):
        found.setdefault((feature.kind, feature.name, feature.program_type), feature)
    return [{key: value for key, value in asdict(feature).items() if value} for feature in found.values()]


def required(text: str) -> Feature:
    """A feature name: ``btf``, ``helper:NAME``, ``map_type:NAME``, ``program_type:NAME``, ``tracepoint:CATEGORY/NAME``.

    Raises :class:`RunError` where it is none.
    """
    kind, _, name = text.partition(":")
    by = "the benchmark's requires"
    if kind == "btf" and not name:
        return Feature("btf", wanted_by=by)
    if kind == "helper" and name in HELPERS:
        return Feature("helper", name, HELPERS[name], "tracepoint", by)
    known = {"map_type": MAP_TYPES, "program_type": PROGRAM_TYPES}
    if name in known.get(kind, ()) or (kind == "tracepoint" and name.count("/") == 1):
        return Feature(kind, name, wanted_by=by)
    raise RunError(
        f"requires: {text!r} is no feature of a kernel",
        hint="write btf, helper:NAME, map_type:NAME, program_type:NAME or tracepoint:CATEGORY/NAME",
    )


def program_type(program: Program) -> str:
    """The kernel's name for the program's type, "" where the section's name does not tell."""
    kind = program.kind.partition(".")[0]
    return _SECTIONS.get(kind, kind if kind in PROGRAM_TYPES else "")


def _of_object(side: str, obj: BpfObject) -> Iterator[Feature]:
    kinds = {program_type(program) for program in obj.programs.values()}
    if obj.core_relocations or kinds & _BY_TYPES:
        yield Feature("btf", wanted_by=side)
    for name, definition in obj.maps.items():
        yield Feature("map_type", definition.type, wanted_by=f"{name} in {side}")
    asks = any(relocation.kind in _ASKS_ITSELF for relocation in obj.core_relocations.values())
    for name, program in obj.programs.items():
        kind, by = program_type(program), f"{name} in {side}"
        if kind:
            yield Feature("program_type", kind, wanted_by=by)
        if kind == "tracepoint" and "/" in program.hook:
            yield Feature("tracepoint", program.hook, wanted_by=by)
        for number in _helpers(program) if kind and not asks else ():
            yield Feature("helper", HELPER_NAMES.get(number, f"number {number}"), number, kind, by)


def _helpers(program: Program) -> list[int]:
    """The helpers that its own code calls, by number."""
    return sorted({insn.imm for insn in program.insns if insn.code == CALL and insn.src == 0})
