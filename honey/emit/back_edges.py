# SPDX-License-Identifier: Apache-2.0
"""Finds loops in an object that kernels before 6.7 refuse for how their instructions are laid out.

These kernels take a loop only if a jump closes it. Where clang lays the end of a loop out before its beginning, and the
one falls into the other, they say "back-edge" (``push_insn`` of ``kernel/bpf/verifier.c``, called without ``loop_ok``;
10e14e9652bf, "bpf: fix control-flow graph checking in privileged mode", changed that).

The few fields of ELF that are needed are read here: importing a library for them takes as long as clang.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import iter_unpack, unpack_from

_EXECUTABLE = 4
_SYMBOLS = 2
_FUNCTION = 2
_INSN = 8

_JUMPS = (0x05, 0x06)
_ALWAYS, _CALL, _EXIT = 0x00, 0x80, 0x90
_WIDE = 0x18

_FALLS = 1
_JUMPED = 2
_DONE = 3


def falls_back(elf: bytes) -> bool:
    """Whether a function of an object, in the machine's byte order, has such a loop."""
    return any(_falls_back(insns, start) for insns, starts in _functions(elf) for start in starts)


def _functions(elf: bytes) -> Iterator[tuple[list[tuple[int, int]], list[int]]]:
    """The instructions (operation and offset) of each section, and where its functions start among them."""
    (offset,) = unpack_from("=Q", elf, 40)
    size, count = unpack_from("=HH", elf, 58)
    sections = [unpack_from("=IIQQQQIIQQ", elf, offset + number * size) for number in range(count)]
    starts: dict[int, list[int]] = {}
    for _, kind, _, _, place, length, *_ in sections:
        if kind == _SYMBOLS:
            for _, info, _, section, value, _ in iter_unpack("=IBBHQQ", elf[place : place + length]):
                if info & 15 == _FUNCTION:
                    starts.setdefault(section, []).append(value // _INSN)
    for number, (_, _, flags, _, place, length, *_) in enumerate(sections):
        if flags & _EXECUTABLE and number in starts:
            insns = [(op, jump) for op, _, jump, _ in iter_unpack("=BBhi", elf[place : place + length])]
            yield insns, starts[number]


def _falls_back(insns: Sequence[tuple[int, int]], start: int) -> bool:
    """Goes through a function as those kernels do: depth first, and what follows before what is jumped to."""
    state = {start: 0}
    path = [start]
    while path:
        here = path[-1]
        for edge, target, falls in _edges(insns[here], here):
            if state[here] >= edge:
                continue
            state[here] = edge
            if target not in state:
                state[target] = 0
                path.append(target)
                break
            if falls and state[target] != _DONE:
                return True
        else:
            state[path.pop()] = _DONE
    return False


def _edges(insn: tuple[int, int], here: int) -> Iterator[tuple[int, int, bool]]:
    """Where an instruction leads: which edge it is, its target, and whether it falls there without a jump."""
    op, jump = insn
    what = op & 0xF0
    if op & 7 not in _JUMPS or what == _CALL:
        yield _FALLS, here + (2 if op == _WIDE else 1), True
    elif what == _ALWAYS:
        yield _FALLS, here + 1 + jump, False
    elif what != _EXIT:
        yield _FALLS, here + 1, False
        yield _JUMPED, here + 1 + jump, False
