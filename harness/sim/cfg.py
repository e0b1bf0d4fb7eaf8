# SPDX-License-Identifier: Apache-2.0
"""Basic blocks of a linked program, function by function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.objects.insn import CALL, EXIT, LD_IMM64, PSEUDO_CALL, Insn
from harness.objects.link import Linked
from harness.objects.uapi import HELPERS
from harness.sim.faults import SimulationError

JA: Final = 0x05
JA32: Final = 0x06
TAIL_CALL: Final = HELPERS["bpf_tail_call"]
#: Marks the way out of the function among a block's successors.
OUT: Final = -1


@dataclass(frozen=True, slots=True)
class Block:
    """Slots ``start .. end - 1`` run one after the other.

    ``successors`` are indices of blocks, in the order: not taken or following, taken. :data:`OUT` is the way out of
    the function: of ``exit``, of a tail call that succeeds, of a packet load outside of the packet.
    ``insns`` is the number of instructions (a 64-bit load counts once).
    """

    index: int
    start: int
    end: int
    successors: tuple[int, ...]
    insns: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The blocks of one function that can be reached, the entry first, in reverse postorder.

    ``idom`` is each block's immediate dominator (the entry's is itself); ``back_edges`` are (from, to) pairs that close
    a loop; ``reducible`` says whether every loop is entered only at its top.
    """

    name: str
    start: int
    blocks: tuple[Block, ...]
    predecessors: tuple[tuple[int, ...], ...]
    idom: tuple[int, ...]
    back_edges: frozenset[tuple[int, int]]
    reducible: bool
    callees: tuple[int, ...] = field(default=())

    def dominates(self, upper: int, lower: int) -> bool:
        """Whether every way to block ``lower`` leads through block ``upper``."""
        while lower not in (upper, 0):
            lower = self.idom[lower]
        return lower == upper


def is_packet_load(insn: Insn) -> bool:
    """``LD_ABS``/``LD_IND``, which end the program where the packet is too short."""
    return insn.code & 0x07 == 0 and insn.code >> 5 in (1, 2)


def _may_leave(insn: Insn) -> bool:
    return is_packet_load(insn) or (insn.code == CALL and insn.src == 0 and insn.imm == TAIL_CALL)


def _is_jump(insn: Insn) -> bool:
    return insn.code & 0x07 in (5, 6) and insn.code not in (CALL, EXIT)


def _target(slot: int, insn: Insn) -> int:
    return slot + 1 + (insn.imm if insn.code == JA32 else insn.off)


def build_graphs(program: Linked) -> list[Graph]:
    """The graph of each function of ``program``, in its order. Raises :class:`SimulationError` for a stray jump."""
    starts = [start for start, _ in program.functions]
    ends = [*starts[1:], len(program.insns)]
    return [_build(program, name, start, end) for (start, name), end in zip(program.functions, ends, strict=True)]


def _build(program: Linked, name: str, start: int, end: int) -> Graph:
    insns = program.insns
    leaders = _leaders(program, name, start, end)
    order = sorted(leaders)
    bounds = dict(zip(order, [*order[1:], end], strict=True))
    following = {leader: _successors(insns, bounds[leader], end, name) for leader in order}
    postorder = _postorder(following, start)
    rank = {leader: index for index, leader in enumerate(reversed(postorder))}
    blocks = []
    for leader, index in rank.items():
        wide = sum(1 for slot in range(leader, bounds[leader]) if insns[slot].code == LD_IMM64)
        successors = tuple(OUT if to == OUT else rank[to] for to in following[leader])
        blocks.append(Block(index, leader, bounds[leader], successors, bounds[leader] - leader - wide))
    predecessors: list[list[int]] = [[] for _ in blocks]
    for block in blocks:
        for to in dict.fromkeys(block.successors):
            if to != OUT:
                predecessors[to].append(block.index)
    idom = _dominators(predecessors)
    retreating = {(block.index, to) for block in blocks for to in block.successors if to != OUT and to <= block.index}
    calls = {
        slot + 1 + insns[slot].imm
        for slot in range(start, end)
        if insns[slot].code == CALL and insns[slot].src == PSEUDO_CALL
    }
    graph = Graph(
        name=name,
        start=start,
        blocks=tuple(blocks),
        predecessors=tuple(tuple(each) for each in predecessors),
        idom=tuple(idom),
        back_edges=frozenset(retreating),
        reducible=True,
        callees=tuple(sorted(calls)),
    )
    if all(graph.dominates(to, source) for source, to in retreating):
        return graph
    return Graph(name, start, graph.blocks, graph.predecessors, graph.idom, graph.back_edges, False, graph.callees)


def _leaders(program: Linked, name: str, start: int, end: int) -> set[int]:
    leaders = {start}
    slot = start
    while slot < end:
        insn = program.insns[slot]
        width = 2 if insn.code == LD_IMM64 else 1
        if _is_jump(insn):
            target = _target(slot, insn)
            if not start <= target < end:
                raise SimulationError(f"{program.name}: {name} jumps out of itself at instruction {slot}")
            leaders.update((target, slot + width))
        elif insn.code == EXIT or _may_leave(insn):
            leaders.add(slot + width)
        slot += width
    leaders.discard(end)
    return leaders


def _successors(insns: tuple[Insn, ...], bound: int, end: int, name: str) -> tuple[int, ...]:
    """Where a block that ends before slot ``bound`` goes on."""
    last = insns[bound - 1]
    # The second slot of a 64-bit load has opcode 0 and looks like no jump.
    if last.code == EXIT:
        return (OUT,)
    if last.code in (JA, JA32):
        return (_target(bound - 1, last),)
    if bound >= end:
        raise SimulationError(f"{name} runs over its end")
    if _may_leave(last):
        return (bound, OUT)
    if _is_jump(last):
        target = _target(bound - 1, last)
        return (bound,) if target == bound else (bound, target)
    return (bound,)


def _postorder(following: dict[int, tuple[int, ...]], start: int) -> list[int]:
    order: list[int] = []
    seen = {start}
    stack = [(start, iter(following[start]))]
    while stack:
        node, rest = stack[-1]
        for to in rest:
            if to != OUT and to not in seen:
                seen.add(to)
                stack.append((to, iter(following[to])))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def _dominators(predecessors: list[list[int]]) -> list[int]:
    """Immediate dominators by the iteration of Cooper, Harvey and Kennedy; blocks are in reverse postorder."""
    idom = [0] + [-1] * (len(predecessors) - 1)
    changed = True
    while changed:
        changed = False
        for block in range(1, len(predecessors)):
            new = -1
            for before in predecessors[block]:
                if idom[before] < 0:
                    continue
                new = before if new < 0 else _common(idom, new, before)
            if idom[block] != new:
                idom[block], changed = new, True
    return idom


def _common(idom: list[int], a: int, b: int) -> int:
    while a != b:
        while a > b:
            a = idom[a]
        while b > a:
            b = idom[b]
    return a
