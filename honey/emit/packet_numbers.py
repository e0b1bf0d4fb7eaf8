# SPDX-License-Identifier: Apache-2.0
"""Finds pointers to a packet, or to its end, in an object that are cut to 32 bits, which the verifier refuses.

In C, ``data`` and ``data_end`` are numbers of 32 bits; the verifier makes pointers of what is loaded there. Where some
ways to a place have loaded them already, LLVM has the others load them, too (GVN's load PRE), and extends the number to
64 bits where the ways meet. It leaves that out if it sees that all have loaded 32 bits, but it looks back only once.
"""

from __future__ import annotations

from collections.abc import Sequence

from honey.emit.instructions import CALL, Insn, functions, known_before

_LOAD_32, _LOAD_64, _STORE_64 = 0x61, 0x79, 0x7B
_MOVE, _ADD, _SHIFT = 0xBF, (0x07, 0x0F), 0x67
_JUMPS, _CHANGING = (5, 6), (0, 1, 4, 7)
_FIELDS = frozenset((0, 4, 76, 80))
"""Where ``struct xdp_md`` and ``struct __sk_buff`` have the two; to find one too many costs a compilation, no more."""
_CONTEXT, _STACK = 1, 10
_BY_CALLS = 0b11_1111
_STACK_BITS = 16
"""Where the bits of the stack's words begin, behind those of the registers."""

Held = tuple[int, int]
"""What may hold the context, and what a pointer from it: a bit for each register, and for each word of the stack."""


def cuts_packet_pointers(elf: bytes) -> bool:
    """Whether a function of an object, in the machine's byte order, has such an instruction."""
    return any(_cuts(insns, start) for insns, starts in functions(elf) for start in starts)


def _cuts(insns: Sequence[Insn], start: int) -> bool:
    known = known_before(insns, start, (1 << _CONTEXT, 0), _after, _joined)
    return any(
        op == _SHIFT and number == 32 and pointers >> (registers & 15) & 1
        for here, (_, pointers) in known.items()
        for op, registers, _, number in (insns[here],)
    )


def _joined(one: Held, other: Held) -> Held:
    return one[0] | other[0], one[1] | other[1]


def _after(known: Held, insn: Insn) -> Held:
    context, pointers = known
    op, registers, offset, _ = insn
    target, source = registers & 15, registers >> 4
    if op == _LOAD_32 and context >> source & 1 and offset in _FIELDS:
        return context & ~(1 << target), pointers | 1 << target
    if op == _MOVE:
        return _copied(context, source, target), _copied(pointers, source, target)
    if op == _LOAD_64 and source == _STACK:
        word = _word(offset)
        return _copied(context, word, target), _copied(pointers, word, target)
    if op == _STORE_64 and target == _STACK:
        word = _word(offset)
        return _copied(context, source, word), _copied(pointers, source, word)
    if op & 7 in _JUMPS:
        left = ~_BY_CALLS if op & 0xF0 == CALL else -1
        return context & left, pointers & left
    if op & 7 in _CHANGING and op not in _ADD:
        return context & ~(1 << target), pointers & ~(1 << target)
    return known


def _word(offset: int) -> int:
    """The bit of a word of the stack by its place below the stack's end."""
    return _STACK_BITS - offset // 8


def _copied(held: int, source: int, target: int) -> int:
    return held | 1 << target if held >> source & 1 else held & ~(1 << target)
