# SPDX-License-Identifier: Apache-2.0
"""Finds comparisons in an object whose outcome kernels before 6.4 do not know although they could.

The first version of eBPF jumps if a number is greater than another, not if it is less. Of ``number < 27`` clang makes
27 in a register, which is compared with the number. Where the verifier knows that the number is 28 or 29, these kernels
follow the jump all the same, as the register on the left is not the one with the number (``check_cond_jmp_op`` of
``kernel/bpf/verifier.c``; 953d9f5beaf7, "bpf: Improve handling of pattern '<const> <cond_op> <non_const>' in
is_branch_taken()", changed that). From there on they take the number for one of at least 28 and at most 26, and refuse
an address that is calculated with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from honey.emit.instructions import CALL, WIDE, Insn, functions, known_before

_GREATER = (0x2D, 0x3D, 0x6D, 0x7D)
"""Jumps that compare two registers: greater, greater or equal, and the same with signs."""
_LOADS, _STACK = 1, 10
_ALU = (4, 7)
_JUMPS = (5, 6)
_NUMBER = (0xB7, 0xB4)
_COPY = (0xBF, 0xBC)
_MASK = (0x57, 0x54)
_BY_CALLS = 0b111111
"""The registers that a call changes."""
_REGISTER = 8
"""The bit of an operation whose second operand is a register."""


def compares_constants(elf: bytes) -> bool:
    """Whether a function of an object, in the machine's byte order, has such a comparison."""
    return any(_compares(insns, start) for insns, starts in functions(elf) for start in starts)


def _compares(insns: Sequence[Insn], start: int) -> bool:
    """Follows to every instruction which registers hold a constant, and which a number that is known in part.

    What has just been read, or is a mask of that, may be any number; to compare it with one in between is harmless.
    """
    known = known_before(insns, start, (0, 0), _after, _joined)
    return any(
        insns[here][0] in _GREATER
        and constants >> (insns[here][1] & 15) & 1
        and (narrowed & ~constants) >> (insns[here][1] >> 4) & 1
        for here, (constants, narrowed) in known.items()
    )


def _joined(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] & other[0], one[1] | other[1]


def _after(known: tuple[int, int], insn: Insn) -> tuple[int, int]:
    """Which registers hold a constant after an instruction, and which a number that is known in part."""
    (constants, narrowed), (op, registers, _, _) = known, insn
    target, source = registers & 15, registers >> 4
    this = 1 << target
    if op in _NUMBER or op == WIDE:
        return constants | this, narrowed & ~this
    if op in _COPY:
        constants = constants | this if constants >> source & 1 else constants & ~this
        return constants, narrowed | this | 1 << source
    if op in _MASK:
        return constants & ~this, narrowed
    if op & 7 in _ALU:
        return constants & ~this, narrowed | this
    if op & 7 == _LOADS:
        return constants & ~this, narrowed | this if source == _STACK else narrowed & ~this
    if op == (CALL | 5):
        # A function of the program's own (1 for its source) may give a number that is known in part.
        return constants & ~_BY_CALLS, narrowed & ~_BY_CALLS | (source == 1)
    if op & 7 in _JUMPS:
        return constants, narrowed | this | (1 << source if op & _REGISTER else 0)
    return constants, narrowed
