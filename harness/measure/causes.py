# SPDX-License-Identifier: Apache-2.0
"""What each instruction is for: the kinds that a difference in cost is explained by."""

from __future__ import annotations

from typing import Final

from harness.objects import Insn, Linked
from harness.objects.insn import CALL, EXIT, LD_IMM64, PSEUDO_CALL
from harness.objects.uapi import HELPER_NAMES

MAP_CALLS: Final = "map calls"
READS: Final = "memory reads"
PRINTS: Final = "prints"
HELPERS: Final = "other helpers"
FUNCTIONS: Final = "function calls"
ZEROING: Final = "zeroing"
STACK: Final = "building keys and structs"
SPILLS: Final = "spills"
NIL_CHECKS: Final = "nil and failure checks"
BRANCHES: Final = "branches"
LOADS: Final = "loads"
STORES: Final = "stores"
MOVES: Final = "moves and constants"
ARITHMETIC: Final = "arithmetic"

FRAME = 10
_STORE_IMM, _STORE, _LOAD = 2, 3, 1


def causes(linked: Linked) -> list[str]:
    """The kind of each slot, "" for the second half of a 64-bit load.

    It looks at one instruction after the other and follows which registers hold stack addresses, zero or a call's
    result; at a jump's target it starts afresh. That is exact enough to say where a difference comes from.
    """
    return _Sorter(linked).sort()


class _Sorter:
    def __init__(self, linked: Linked) -> None:
        self.linked = linked
        self.targets = _jump_targets(linked)
        self.reloaded = {insn.off for insn in linked.insns if insn.code == 0x79 and insn.src == FRAME}
        self.zero: set[int] = set()
        self.stack: set[int] = {FRAME}
        self.result: set[int] = set()

    def sort(self) -> list[str]:
        out: list[str] = []
        half = False
        for slot, insn in enumerate(self.linked.insns):
            if half:
                out.append("")
                half = False
                continue
            if slot in self.targets:
                self.zero, self.stack = set(), {FRAME}
            out.append(self.kind(insn))
            if insn.code == CALL:
                _take_arguments(self.linked, out)
            self.follow(insn)
            half = insn.code == LD_IMM64
        return out

    def kind(self, insn: Insn) -> str:
        """What the instruction is for."""
        group = insn.code & 7
        if insn.code == CALL:
            return _call(insn)
        if insn.code == EXIT:
            return BRANCHES
        if group in {5, 6}:
            tests_result = insn.code & 0xF0 and insn.dst in self.result and not insn.code & 8 and insn.imm == 0
            return NIL_CHECKS if tests_result else BRANCHES
        if group in {_STORE, _STORE_IMM}:
            return self._store(insn)
        if group == _LOAD:
            return SPILLS if insn.src == FRAME and insn.code == 0x79 else LOADS
        if insn.code in {0xB7, 0xBF, 0xB4, 0xBC, LD_IMM64}:
            return MOVES
        return STACK if insn.dst in self.stack else ARITHMETIC

    def _store(self, insn: Insn) -> str:
        if insn.dst not in self.stack:
            return STORES
        zero = insn.imm == 0 if insn.code & 7 == _STORE_IMM else insn.src in self.zero
        if zero:
            return ZEROING
        spilled = insn.dst == FRAME and insn.code == 0x7B and insn.off in self.reloaded
        return SPILLS if spilled else STACK

    def follow(self, insn: Insn) -> None:
        """Note what the registers hold afterwards."""
        group = insn.code & 7
        if insn.code == CALL:
            for register in range(6):
                self._forget(register)
            self.result.add(0)
        elif insn.code in {0xBF, 0xBC}:
            kinds = [held for held in (self.zero, self.stack, self.result) if insn.src in held]
            self._forget(insn.dst)
            for held in kinds:
                held.add(insn.dst)
        elif insn.code in {0xB7, 0xB4}:
            self._forget(insn.dst)
            if insn.imm == 0:
                self.zero.add(insn.dst)
        elif insn.code == 0x07 and insn.dst in self.stack:
            return
        elif group in {_LOAD, 0, 4, 7}:
            self._forget(insn.dst)

    def _forget(self, register: int) -> None:
        for held in (self.zero, self.stack, self.result):
            held.discard(register)


def _take_arguments(linked: Linked, out: list[str]) -> None:
    """Count what loads a call's arguments right before it to the call, which is the last in ``out``."""
    for slot in range(len(out) - 2, -1, -1):
        insn = linked.insns[slot]
        writes = insn.code & 7 in {_LOAD, 0, 4, 7}
        if out[slot] and not (writes and 1 <= insn.dst <= 5 and out[slot] in {MOVES, STACK, ARITHMETIC}):
            return
        if out[slot]:
            out[slot] = out[-1]


def _call(insn: Insn) -> str:
    if insn.src == PSEUDO_CALL:
        return FUNCTIONS
    name = HELPER_NAMES.get(insn.imm, "")
    if name.startswith(("bpf_map_", "bpf_for_each_map")):
        return MAP_CALLS
    if name.startswith(("bpf_probe_read", "bpf_copy_from_user", "bpf_skb_load_bytes", "bpf_xdp_load_bytes")):
        return READS
    return PRINTS if name.startswith("bpf_trace_") else HELPERS


def _jump_targets(linked: Linked) -> set[int]:
    targets = {start for start, _ in linked.functions}
    for slot, insn in enumerate(linked.insns):
        if insn.code & 7 in {5, 6} and insn.code not in {CALL, EXIT}:
            targets.add(slot + 1 + (insn.imm if insn.code == 0x06 else insn.off))
    return targets
