# SPDX-License-Identifier: Apache-2.0
"""Finds loops in an object that kernels before 6.7 refuse for how their instructions are laid out.

These kernels take a loop only if a jump closes it. Where clang lays the end of a loop out before its beginning, and the
one falls into the other, they say "back-edge" (``push_insn`` of ``kernel/bpf/verifier.c``, called without ``loop_ok``;
10e14e9652bf, "bpf: fix control-flow graph checking in privileged mode", changed that).
"""

from __future__ import annotations

from collections.abc import Sequence

from honey.emit.instructions import Insn, edges, functions

_FIRST = 1
_DONE = 3


def falls_back(elf: bytes) -> bool:
    """Whether a function of an object, in the machine's byte order, has such a loop."""
    return any(_falls_back(insns, start) for insns, starts in functions(elf) for start in starts)


def _falls_back(insns: Sequence[Insn], start: int) -> bool:
    """Goes through a function as those kernels do: depth first, and what follows before what is jumped to."""
    state = {start: 0}
    path = [start]
    while path:
        here = path[-1]
        for edge, (target, falls) in enumerate(edges(insns, here), start=_FIRST):
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
