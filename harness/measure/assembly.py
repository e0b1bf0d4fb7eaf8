# SPDX-License-Identifier: Apache-2.0
"""Instructions as text, in the way the kernel's verifier and bpftool write them."""

from __future__ import annotations

from harness.objects import Insn, Linked
from harness.objects.insn import CALL, EXIT, LD_IMM64, PSEUDO_CALL, PSEUDO_KFUNC_CALL
from harness.objects.uapi import HELPER_NAMES

_SIZES = {0x00: "u32", 0x08: "u16", 0x10: "u8", 0x18: "u64"}
_ALU = {
    0x00: "+=",
    0x10: "-=",
    0x20: "*=",
    0x30: "/=",
    0x40: "|=",
    0x50: "&=",
    0x60: "<<=",
    0x70: ">>=",
    0x90: "%=",
    0xA0: "^=",
    0xB0: "=",
    0xC0: "s>>=",
}
_JUMPS = {
    0x10: "==",
    0x20: ">",
    0x30: ">=",
    0x40: "&",
    0x50: "!=",
    0x60: "s>",
    0x70: "s>=",
    0xA0: "<",
    0xB0: "<=",
    0xC0: "s<",
    0xD0: "s<=",
}
_ATOMIC = {0x00: "+=", 0x40: "|=", 0x50: "&=", 0xA0: "^="}
_SWAPS = {(0x04, 0): "le", (0x04, 8): "be", (0x07, 0): "bswap"}


def text_of(linked: Linked, slot: int) -> str:
    """The instruction at ``slot``; "" for the second half of a 64-bit load."""
    insn = linked.insns[slot]
    if slot and linked.insns[slot - 1].code == LD_IMM64:
        return ""
    if insn.code == LD_IMM64:
        return f"r{insn.dst} = {_wide(linked, slot, insn)}"
    kind = insn.code & 7
    if kind in {4, 7}:
        return _arithmetic(insn)
    if kind in {5, 6}:
        return _jump(linked, slot, insn)
    return _memory(insn)


def _wide(linked: Linked, slot: int, insn: Insn) -> str:
    reference = linked.references.get(slot)
    if reference is not None:
        offset = f"+{reference.offset}" if reference.offset else ""
        return f"{reference.kind}[{reference.name}]{offset}"
    value = (linked.insns[slot + 1].imm & 0xFFFFFFFF) << 32 | insn.imm & 0xFFFFFFFF
    return f"{value:#x} ll"


def _arithmetic(insn: Insn) -> str:
    operation, wide = insn.code & 0xF0, insn.code & 7 == 7
    register = "r" if wide else "w"
    dst = f"{register}{insn.dst}"
    if operation == 0xD0:
        swap = _SWAPS.get((insn.code & 7, insn.code & 8), "swap")
        return f"r{insn.dst} = {swap}{insn.imm} r{insn.dst}"
    if operation == 0x80:
        return f"{dst} = -{dst}"
    source = f"{register}{insn.src}" if insn.code & 8 else str(insn.imm)
    return f"{dst} {_ALU.get(operation, '?=')} {source}"


def _jump(linked: Linked, slot: int, insn: Insn) -> str:
    if insn.code == EXIT:
        return "exit"
    if insn.code == CALL:
        return f"call {_callee(linked, slot, insn)}"
    target = f"{insn.off + 1:+d}" if insn.code != 0x06 else f"{insn.imm + 1:+d}"
    if insn.code in {0x05, 0x06}:
        return f"goto {target}"
    register = "r" if insn.code & 7 == 5 else "w"
    other = f"{register}{insn.src}" if insn.code & 8 else f"{insn.imm:#x}" if insn.imm > 9 else str(insn.imm)
    return f"if {register}{insn.dst} {_JUMPS.get(insn.code & 0xF0, '?')} {other} goto {target}"


def _callee(linked: Linked, slot: int, insn: Insn) -> str:
    if insn.src == PSEUDO_CALL:
        target = slot + 1 + insn.imm
        return next((name for start, name in linked.functions if start == target), f"{insn.imm:+d}")
    if insn.src == PSEUDO_KFUNC_CALL or slot in linked.references:
        reference = linked.references.get(slot)
        return reference.name if reference else f"kfunc {insn.imm}"
    return HELPER_NAMES.get(insn.imm, f"helper {insn.imm}")


def _memory(insn: Insn) -> str:
    kind, size = insn.code & 7, _SIZES[insn.code & 0x18]
    if kind == 1:
        signed = "s" if insn.code & 0xE0 == 0x80 else "u"
        return f"r{insn.dst} = *({signed}{size[1:]} *)(r{insn.src} {insn.off:+d})"
    place = f"*({size} *)(r{insn.dst} {insn.off:+d})"
    if kind == 2:
        return f"{place} = {insn.imm}"
    if kind == 3 and insn.code & 0xE0 == 0xC0:
        return f"lock {place} {_ATOMIC.get(insn.imm & 0xF0, 'atomic')} r{insn.src}"
    if kind == 3:
        return f"{place} = r{insn.src}"
    return f"r0 = packet {size} {insn.imm:+d}"
