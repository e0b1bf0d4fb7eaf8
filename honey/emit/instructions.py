# SPDX-License-Identifier: Apache-2.0
"""The instructions of an object, and where its functions start.

The few fields of ELF that are needed are read here: importing a library for them takes as long as clang.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import iter_unpack, unpack_from

Insn = tuple[int, int, int, int]
"""Operation, registers (the source in the upper four bits), offset, immediate number."""

WIDE = 0x18
"""A load of 64 bits, which takes the place of two instructions."""

ALWAYS, CALL, EXIT = 0x00, 0x80, 0x90
"""Jumps without a condition, by the upper four bits of their operation."""

_JUMPS = (0x05, 0x06)
_EXECUTABLE = 4
_SYMBOLS = 2
_FUNCTION = 2
_SIZE = 8


def functions(elf: bytes) -> Iterator[tuple[list[Insn], list[int]]]:
    """The instructions of each section of an object, in the machine's byte order, and where functions start there."""
    (offset,) = unpack_from("=Q", elf, 40)
    size, count = unpack_from("=HH", elf, 58)
    sections = [unpack_from("=IIQQQQIIQQ", elf, offset + number * size) for number in range(count)]
    starts: dict[int, list[int]] = {}
    for _, kind, _, _, place, length, *_ in sections:
        if kind == _SYMBOLS:
            for _, info, _, section, value, _ in iter_unpack("=IBBHQQ", elf[place : place + length]):
                if info & 15 == _FUNCTION:
                    starts.setdefault(section, []).append(value // _SIZE)
    for number, (_, _, flags, _, place, length, *_) in enumerate(sections):
        if flags & _EXECUTABLE and number in starts:
            yield list(iter_unpack("=BBhi", elf[place : place + length])), starts[number]


def edges(insns: Sequence[Insn], here: int) -> Iterator[tuple[int, bool]]:
    """Where an instruction leads, what follows it first, and whether it falls there without a jump."""
    op, _, jump, _ = insns[here]
    what = op & 0xF0
    if op & 7 not in _JUMPS or what == CALL:
        yield here + (2 if op == WIDE else 1), True
    elif what == ALWAYS:
        yield here + 1 + jump, False
    elif what != EXIT:
        yield here + 1, False
        yield here + 1 + jump, False
