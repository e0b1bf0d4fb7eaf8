# SPDX-License-Identifier: Apache-2.0
"""From eBPF instructions to Python statements.

The same code runs three times over every block: to find the ranges of values, to find which results are used, and to
write the statements, with what was found. Anything that is known while translating is not computed again at run time:
the address of a stack slot, the sum of two constants, which map a helper works on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.objects.insn import CALL, LD_IMM64, PSEUDO_CALL, Insn
from harness.sim import alu
from harness.sim.cfg import Block, is_packet_load
from harness.sim.lower_calls import lower_call, lower_local_call, lower_packet_load
from harness.sim.lower_memory import lower_atomic, lower_load, lower_store
from harness.sim.state import TOP, Range, State
from harness.sim.unit import Region, Unit

LSH32: Final = (0x67, 32)
FRAME_POINTER: Final = 10


@dataclass(slots=True)
class Step:
    """What one instruction became.

    ``lines`` come first; then ``result`` is the text of the value that ``register`` gets. A ``pure`` result needs not
    be computed where nobody looks at the register. ``uses`` are the registers whose Python variables are read.
    """

    lines: list[str] = field(default_factory=list)
    uses: set[int] = field(default_factory=set)
    register: int | None = None
    result: str = ""
    pure: bool = False


class Lowering:
    """Steps through a block with a state that follows."""

    def __init__(self, unit: Unit, function: int, state: State, *, cache: bool = False) -> None:
        """With ``cache``, the region behind a pointer is looked up once a block (only for the last pass)."""
        self.unit = unit
        self.function = function
        self.state = state
        self.step = Step()
        self.cached: set[int] | None = set() if cache else None

    @property
    def frame(self) -> Region:
        """The stack frame of the function at hand."""
        return self.unit.frames[self.function]

    def operand(self, register: int) -> alu.Operand:
        """The value of a register."""
        if register == FRAME_POINTER:
            return alu.constant(self.frame.base + self.frame.size)
        low, high = self.state.registers[register]
        if low == high:
            return alu.constant(low)
        self.step.uses.add(register)
        return alu.Operand(f"r{register}", low, high)

    def define(self, register: int, value: alu.Operand, *, pure: bool = True) -> None:
        """``register`` gets ``value``."""
        self.assign(register, value.text, (value.low, value.high), pure=pure)

    def assign(self, register: int, text: str, known: Range, *, pure: bool) -> None:
        """``register`` gets the value of ``text``."""
        self.step.register, self.step.result, self.step.pure = register, text, pure
        self.state.registers[register] = known
        self.note_frame(known)
        if self.cached is not None:
            self.cached.discard(register)

    def note_frame(self, known: Range) -> None:
        """An address in the own frame came up: from there on the frame is in use."""
        frame = self.frame
        if known != TOP and known[0] < frame.base + frame.size and known[1] >= frame.base:
            lowest = max(known[0] - frame.base, 0)
            self.unit.low_water[self.function] = min(lowest, self.unit.low_water.get(self.function, frame.size))

    def fail(self, message: str) -> None:
        """The instruction at hand cannot be run."""
        self.step.lines.append(f"fail({message!r})")

    def run(self, block: Block, slot: int) -> Step:
        """Lower the instruction at ``slot`` of ``block``; jumps and exits give an empty step."""
        self.step = Step()
        insn = self.unit.linked.insns[slot]
        kind = insn.code & 0x07
        if slot in self.unit.broken:
            self.fail(self.unit.broken[slot])
            if kind in (0, 1, 4, 7):
                self.assign(insn.dst, "0", (0, 0), pure=True)
        elif insn.code == LD_IMM64:
            wide = self.unit.linked.insns[slot + 1].imm << 32 | insn.imm & 0xFFFFFFFF
            self.define(insn.dst, alu.constant(self.unit.values.get(slot, wide)))
        elif is_packet_load(insn):
            lower_packet_load(self, insn)
        elif kind == 1:
            lower_load(self, insn)
        elif kind in (2, 3):
            if insn.code & 0xE0 == 0xC0:
                lower_atomic(self, insn)
            else:
                lower_store(self, insn)
        elif kind in (4, 7):
            self._arithmetic(block, slot, insn)
        elif insn.code == CALL:
            if insn.src == PSEUDO_CALL:
                lower_local_call(self, slot + 1 + insn.imm)
            else:
                lower_call(self, insn)
        elif kind == 0 and insn.code != 0:
            self.fail(f"unknown instruction {insn.code:#x}")
        return self.step

    def _arithmetic(self, block: Block, slot: int, insn: Insn) -> None:
        bits = 64 if insn.code & 0x07 == 7 else 32
        operation = insn.code & 0xF0
        if self._widens(block, slot, insn):
            return
        if slot > block.start and self._widens(block, slot - 1, self.unit.linked.insns[slot - 1]):
            value = self.operand(insn.dst)
            self.define(insn.dst, alu.truncate(value, 32) if operation == 0x70 else alu.sign_extend(value, 32, 64))
            return
        result = self._result(insn, operation, bits)
        if result is None:
            self.fail(f"unknown instruction {insn.code:#x}")
        else:
            self.define(insn.dst, result)

    def _widens(self, block: Block, slot: int, insn: Insn) -> bool:
        """Whether a shift up by 32 at ``slot`` and a shift down by 32 right after it extend a 32-bit number."""
        if (insn.code, insn.imm) != LSH32 or slot + 1 >= block.end:
            return False
        after = self.unit.linked.insns[slot + 1]
        return after.code in (0x77, 0xC7) and after.dst == insn.dst and after.imm == 32

    def _result(self, insn: Insn, operation: int, bits: int) -> alu.Operand | None:
        if operation == alu.END:
            target = self.operand(insn.dst)
            if insn.imm not in (16, 32, 64):
                return None
            # ALU64 swaps always (bswap), ALU with the source bit converts to big-endian, without it to little-endian.
            swaps = bits == 64 or insn.code & 0x08
            return alu.byte_swap(target, insn.imm) if swaps else alu.truncate(target, insn.imm)
        if operation == alu.NEG:
            return alu.negate(self.operand(insn.dst), bits)
        source = self.operand(insn.src) if insn.code & 0x08 else alu.constant(insn.imm)
        if operation == alu.MOV:
            if insn.off and insn.code & 0x08:
                return alu.sign_extend(source, insn.off, bits)
            return alu.truncate(source, bits)
        return alu.binary(operation, self.operand(insn.dst), source, bits, is_signed=insn.off == 1)

    def condition(self, slot: int) -> tuple[str, str, set[int]]:
        """A conditional jump's condition, its opposite, and the registers both read."""
        self.step = Step()
        insn = self.unit.linked.insns[slot]
        source = self.operand(insn.src) if insn.code & 0x08 else alu.constant(insn.imm)
        bits = 64 if insn.code & 0x07 == 5 else 32
        texts = alu.condition(insn.code & 0xF0, self.operand(insn.dst), source, bits)
        if texts is None:
            texts = (f"fail('unknown instruction {insn.code:#x}')", "True")
        return *texts, self.step.uses

    def exit_value(self) -> tuple[str, set[int]]:
        """What the function returns, and the registers read for it."""
        self.step = Step()
        return self.operand(0).text, self.step.uses
