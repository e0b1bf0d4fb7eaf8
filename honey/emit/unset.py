# SPDX-License-Identifier: Apache-2.0
"""Finds instructions in an object that read a register which not all ways to them have set.

For a ``return`` in a block whose variables end with it, clang notes that the function is to be left, and asks for that
behind the block. It may find that to ask is to ask for a condition from before, and choose between the result and one
that is not there yet, by the same condition as before. No number is read that was not set, but the verifier does not
know that the two questions have one answer: it refuses the read ("!read_ok").
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import and_

from honey.emit.instructions import ALWAYS, CALL, EXIT, Insn, functions, known_before

_LOAD_NUMBER, _LOAD, _STORE_NUMBER, _STORE = range(4)
_JUMPS = (5, 6)
_MOVE, _NEGATE, _SWAP = 0xB0, 0x80, 0xD0
_REGISTER = 8
"""The bit of an operation whose second operand is a register."""
_AT_START = 0b100_0011_1110
"""The registers that a function may be given something in, and the one of the stack."""
_BY_CALLS = 0b011_1110
"""The registers that nothing is left in by a call; its result is in the first."""


def reads_unset(elf: bytes) -> bool:
    """Whether a function of an object, in the machine's byte order, has such an instruction."""
    return any(_reads_unset(insns, start) for insns, starts in functions(elf) for start in starts)


def _reads_unset(insns: Sequence[Insn], start: int) -> bool:
    known = known_before(insns, start, _AT_START, _after, and_)
    return any(_read(insns[here]) & ~known_to_be_set for here, known_to_be_set in known.items())


def _read(insn: Insn) -> int:
    """The registers that an instruction reads; what a call does with its arguments is not looked at."""
    op, registers, _, _ = insn
    kind, what, target, source = op & 7, op & 0xF0, 1 << (registers & 15), 1 << (registers >> 4)
    second = source if op & _REGISTER else 0
    if kind in (_LOAD_NUMBER, _LOAD):
        return source if kind == _LOAD else 0
    if kind in (_STORE_NUMBER, _STORE):
        return target | (source if kind == _STORE else 0)
    if kind in _JUMPS:
        return 0 if what in (ALWAYS, CALL, EXIT) else target | second
    if what in (_NEGATE, _SWAP):
        return target
    return second if what == _MOVE else target | second


def _after(known: int, insn: Insn) -> int:
    """The registers that are set after an instruction."""
    op, registers, _, _ = insn
    kind = op & 7
    if kind in _JUMPS:
        return known & ~_BY_CALLS | 1 if op & 0xF0 == CALL else known
    return known if kind in (_STORE_NUMBER, _STORE) else known | 1 << (registers & 15)
