# SPDX-License-Identifier: Apache-2.0
"""The instructions of an object, and where its functions start.

The few fields of ELF that are needed are read here: importing a library for them takes as long as clang.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import iter_unpack, unpack_from
from typing import TypeVar

Known = TypeVar("Known")

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


def known_before(
    insns: Sequence[Insn],
    start: int,
    first: Known,
    after: Callable[[Known, Insn], Known],
    joined: Callable[[Known, Known], Known],
) -> dict[int, Known]:
    """What is known before each instruction that can be reached from ``start``, where ``first`` is known.

    ``after`` says what an instruction makes of it, ``joined`` what is left of it where two ways meet.
    """
    known = {start: first}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        here_after = after(known[here], insns[here])
        for following, _ in edges(insns, here):
            before = known.get(following)
            found = here_after if before is None else joined(before, here_after)
            if found != before:
                known[following] = found
                waiting.append(following)
    return known
