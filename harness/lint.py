# SPDX-License-Identifier: Apache-2.0
"""The pair lint: whether the two sides are alike in shape, so that comparing their costs is fair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.benchmark import HONEY, Benchmark, C
from harness.objects import BpfObject, link
from harness.objects.insn import CALL
from harness.objects.uapi import HELPERS

#: Helpers that print: a side that prints does work that the other does not.
PRINTING = {HELPERS[name]: name for name in ("bpf_trace_printk", "bpf_trace_vprintk") if name in HELPERS}
_MAP_SHAPE = ("type", "key_size", "value_size", "max_entries", "flags")


@dataclass(frozen=True, slots=True)
class Unfair:
    """A difference in shape: ``what`` as ``[[differences]]`` of a benchmark names it, and the whole in words."""

    what: str
    text: str


def lint(
    benchmark: Benchmark, objects: Mapping[str, BpfObject], handlers: Mapping[str, Mapping[str, str]]
) -> list[Unfair]:
    """What is unfair about the pair and not declared, and declarations that nothing corresponds to."""
    found = [*_handlers(objects, handlers), *_maps(objects)]
    declared = {difference.what: difference for difference in benchmark.differences}
    there = {unfair.what for unfair in found}
    stale = [
        Unfair(what, f"the declared difference {what} is not there; take it out of [[differences]]")
        for what in declared
        if what not in there
    ]
    return [unfair for unfair in found if unfair.what not in declared] + stale


def _handlers(objects: Mapping[str, BpfObject], handlers: Mapping[str, Mapping[str, str]]) -> Iterator[Unfair]:
    for handler, names in handlers.items():
        place = f"handlers.{handler}"
        programs = {side: objects[side].programs.get(names[side]) for side in (HONEY, C)}
        lacking = [side for side, program in programs.items() if program is None]
        if lacking:
            if len(lacking) == 1:
                yield Unfair(place, f"{place}: {lacking[0]} has no program {names[lacking[0]]}")
            continue
        sections = {side: program.section for side, program in programs.items() if program is not None}
        if sections[HONEY] != sections[C]:
            yield _differs(f"{place}.section", sections)
        prints = {side: _prints(objects[side], names[side]) for side in (HONEY, C)}
        if prints[HONEY] != prints[C]:
            yield Unfair(
                f"{place}.prints",
                f"{place}.prints: calls that print are {prints[HONEY]} in {HONEY}, {prints[C]} in {C}",
            )


def _prints(obj: BpfObject, program: str) -> int:
    """Calls of printing helpers in a program and the functions it calls."""
    return sum(insn.code == CALL and insn.src == 0 and insn.imm in PRINTING for insn in link(obj, program).insns)


def _maps(objects: Mapping[str, BpfObject]) -> Iterator[Unfair]:
    honey, c = objects[HONEY].declared_maps, objects[C].declared_maps
    for name in dict.fromkeys((*c, *honey)):
        place = f"maps.{name}"
        if name not in honey or name not in c:
            side = HONEY if name not in honey else C
            yield Unfair(place, f"{place}: {side} has no such map")
            continue
        for shape in _MAP_SHAPE:
            values = {HONEY: getattr(honey[name], shape), C: getattr(c[name], shape)}
            if values[HONEY] != values[C]:
                yield _differs(f"{place}.{shape}", values)


def _differs(place: str, values: Mapping[str, object]) -> Unfair:
    said = ", ".join(f"{value} in {side}" for side, value in values.items())
    return Unfair(place, f"{place} is {said}")
