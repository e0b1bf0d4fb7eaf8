# SPDX-License-Identifier: Apache-2.0
"""A program with all functions it calls, laid out as libbpf hands it to the kernel (``bpf_object__relocate``)."""

from __future__ import annotations

from dataclasses import dataclass

from harness.objects.elf import BpfObject, Function
from harness.objects.errors import ObjectError
from harness.objects.ext import CoreRelocation, Line
from harness.objects.insn import CALL, LD_IMM64, PSEUDO_CALL, PSEUDO_FUNC, Insn, count_insns


@dataclass(frozen=True, slots=True)
class Reference:
    """What a 64-bit load or an external call refers to.

    ``kind`` is ``map`` (its address), ``data`` (``offset`` in the data section ``name``) or ``extern`` (a kernel
    symbol, function or configuration value).
    """

    kind: str
    name: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Linked:
    """A flat program. All tuples and keys are by slot (a 64-bit load takes two).

    ``functions`` are (first slot, name), the program itself first; calls between them are relative as in the kernel.
    ``origins`` gives (section, byte offset) of each slot in the object.
    """

    name: str
    insns: tuple[Insn, ...]
    functions: tuple[tuple[int, str], ...]
    origins: tuple[tuple[str, int], ...]
    lines: tuple[Line | None, ...]
    references: dict[int, Reference]
    relocations: dict[int, CoreRelocation]

    @property
    def insn_count(self) -> int:
        """Instructions, a 64-bit load counted once."""
        return count_insns(self.insns)


def link(obj: BpfObject, program: str) -> Linked:
    """Lay out ``program`` and what it calls. Raises :class:`ObjectError` for a call or reference into nowhere."""
    if program not in obj.programs:
        raise ObjectError(f"no program {program}", obj.path)
    return _Linker(obj).link(obj.programs[program])


class _Linker:
    def __init__(self, obj: BpfObject) -> None:
        self.obj = obj
        self.starts: dict[str, int] = {}
        self.order: list[Function] = []
        self.calls: dict[int, str] = {}
        self.references: dict[int, Reference] = {}

    def link(self, program: Function) -> Linked:
        self._place(program)
        insns: list[Insn] = []
        at = 0
        while at < len(self.order):
            function = self.order[at]
            for index, insn in enumerate(function.insns):
                self._refer(function, index, insn, len(insns) + index)
            insns.extend(function.insns)
            at += 1
        for slot, callee in self.calls.items():
            source = PSEUDO_CALL if insns[slot].code == CALL else PSEUDO_FUNC
            insns[slot] = insns[slot]._replace(src=source, imm=self.starts[callee] - slot - 1)
        origins = tuple(
            (function.section, function.offset + at)
            for function in self.order
            for at in range(0, len(function.code), 8)
        )
        core = self.obj.core_relocations
        return Linked(
            name=program.name,
            insns=tuple(insns),
            functions=tuple((self.starts[function.name], function.name) for function in self.order),
            origins=origins,
            lines=tuple(line for function in self.order for line in self.obj.line_table(function)),
            references=self.references,
            relocations={slot: core[origin] for slot, origin in enumerate(origins) if origin in core},
        )

    def _place(self, function: Function) -> None:
        """Give ``function`` its place behind all others, unless it has one."""
        if function.name not in self.starts:
            self.starts[function.name] = sum(len(placed.code) // 8 for placed in self.order)
            self.order.append(function)

    def _refer(self, function: Function, index: int, insn: Insn, slot: int) -> None:
        offset = function.offset + 8 * index
        relocation = self.obj.relocations.get((function.section, offset))
        if insn.code == CALL and insn.src == PSEUDO_CALL:
            if relocation is None:
                self._call(slot, function.section, offset + 8 * (insn.imm + 1))
            elif relocation.section:
                self._call(slot, relocation.section, relocation.value + 8 * (insn.imm + 1))
            else:
                self.references[slot] = Reference("extern", relocation.symbol)
        elif relocation is None:
            return
        elif insn.code == CALL:
            self.references[slot] = Reference("extern", relocation.symbol)
        elif insn.code == LD_IMM64:
            section = relocation.section
            if section == ".maps":
                self.references[slot] = Reference("map", self._map_name(relocation.symbol, relocation.value))
            elif section in self.obj.maps:
                self.references[slot] = Reference("data", section, relocation.value + insn.imm)
            elif not section:
                self.references[slot] = Reference("extern", relocation.symbol)
            else:
                self._call(slot, section, relocation.value + insn.imm)
        else:
            raise ObjectError(f"{function.name}+{index}: a relocation on an instruction that takes none")

    def _map_name(self, symbol: str, offset: int) -> str:
        if symbol not in self.obj.maps:
            raise ObjectError(f"a reference to offset {offset} of .maps, where no map begins")
        return symbol

    def _call(self, slot: int, section: str, offset: int) -> None:
        callee = self.obj.function_at(section, offset)
        if callee is None or callee.offset != offset:
            raise ObjectError(f"a call to offset {offset} of section {section}, where no function begins")
        self._place(callee)
        self.calls[slot] = callee.name
