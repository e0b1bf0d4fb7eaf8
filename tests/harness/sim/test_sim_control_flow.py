# SPDX-License-Identifier: Apache-2.0
"""Jumps, loops and counts: random graphs of blocks that count their own instructions."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.agent.bpf import run_packet
from harness.agent.create import RefusedError
from harness.objects import Insn
from harness.objects.insn import LD_IMM64
from harness.sim import Machine, structure
from sim.sim_kernel import SCHED_CLS, loaded, simulated, usable

EXIT_BLOCK = -1

#: A block: (instructions of filler, seed of its condition, first and second target).
Block = tuple[int, int, int, int]


def assemble(blocks: list[Block], fuel: int) -> list[Insn]:
    """A program that walks through ``blocks`` as the packet's first number decides, at most ``fuel`` of them.

    r9 counts the instructions executed, r6 is the state that decides, r8 the fuel left. It returns r9.
    """
    start = [
        Insn(0x61, 2, 1, 76, 0),
        Insn(0x61, 3, 1, 80, 0),
        Insn(0xBF, 4, 2, 0, 0),
        Insn(0x07, 4, 0, 0, 8),
        Insn(0x3D, 3, 4, 2, 0),
        Insn(0xB7, 0, 0, 0, 0),
        Insn(0x95, 0, 0, 0, 0),
        Insn(0x79, 6, 2, 0, 0),
        Insn(0xB7, 9, 0, 0, 10),
        Insn(0xB7, 8, 0, 0, fuel),
    ]
    head = 5  # r8 -= 1; if r8 == 0 goto out; r9 += n; r6 mixed in two steps
    places, at = [], len(start)
    for filler, *_ in blocks:
        places.append(at)
        at += head + filler + 3
    out = at
    program = list(start)
    for here, (filler, seed, first, second) in zip(places, blocks, strict=True):
        targets = [out if target == EXIT_BLOCK else places[target % len(blocks)] for target in (first, second)]
        body = [
            Insn(0x07, 9, 0, 0, head + filler + 2),
            Insn(0x07, 8, 0, 0, -1),
            Insn(0x15, 8, 0, out - (here + 2) - 1, 0),
            Insn(0x27, 6, 0, 0, 0x01000193),
            Insn(0x07, 6, 0, 0, seed),
            *[Insn(0x87, 5, 0, 0, 0) if index else Insn(0xB7, 5, 0, 0, 3) for index in range(filler)],
            Insn(0x45, 6, 0, targets[1] - (here + head + filler) - 1, 1 << seed % 29),
            Insn(0x07, 9, 0, 0, 1),
            Insn(0x05, 0, 0, targets[0] - (here + head + filler + 3), 0),
        ]
        program += body
    return [*program, Insn(0x07, 9, 0, 0, 3), Insn(0xBF, 0, 9, 0, 0), Insn(0x95, 0, 0, 0, 0)]


def walk(blocks: list[Block], fuel: int, state: int) -> Iterator[tuple[int, Literal["spent", "jump", "on"]]]:
    """The blocks that are entered: their filler, and how each is left, without fuel, by its jump, or at its end."""
    at = 0
    while at != EXIT_BLOCK:
        filler, seed, first, second = blocks[at % len(blocks)]
        fuel -= 1
        if fuel == 0:
            yield filler, "spent"
            return
        state = (state * 0x01000193 + seed) & ((1 << 64) - 1)
        jumps = bool(state & 1 << seed % 29)
        yield filler, "jump" if jumps else "on"
        at = second if jumps else first


def expected(blocks: list[Block], fuel: int, state: int) -> int:
    """What the program returns, by walking through the blocks here."""
    return 10 + sum(5 + filler + 2 + (how == "on") for filler, how in walk(blocks, fuel, state)) + 3


def executed(blocks: list[Block], fuel: int, state: int) -> int:
    """Instructions executed: ten at the start with the exit for short packets left out, then those of the blocks."""
    return 8 + sum(executed_of(filler, how) for filler, how in walk(blocks, fuel, state)) + 3


def executed_of(filler: int, how: str) -> int:
    """Those of a block: up to the test of the fuel, up to the jump, and what is behind it."""
    return 3 if how == "spent" else 3 + 2 + filler + 1 + 2 * (how == "on")


targets = st.integers(EXIT_BLOCK, 9)
blocks_of_a_graph = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 0x7FFFFFFF), targets, targets), min_size=1, max_size=10
)
states = st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=8)


def check(machine: Machine, blocks: list[Block], fuel: int, state: int) -> None:
    packet = struct.pack("<Q", state).ljust(64, b"\0")
    run = machine.run_packet("main", packet)
    source = machine.programs["main"].translated.source
    assert run.fault is None
    assert run.result == expected(blocks, fuel, state), source
    assert run.insns == executed(blocks, fuel, state), source


@settings(max_examples=400, deadline=None)
@given(blocks=blocks_of_a_graph, fuel=st.integers(1, 60), starts=states)
def test_any_graph_of_blocks_runs_and_counts_exactly(blocks: list[Block], fuel: int, starts: list[int]) -> None:
    machine = simulated(SCHED_CLS, assemble(blocks, fuel))
    for state in starts:
        check(machine, blocks, fuel, state)
    profile = machine.profile("main")
    by_slot = profile.executed_by_slot()
    assert sum(by_slot) == profile.insns == sum(executed(blocks, fuel, state) for state in starts)
    assert sum(path.times * path.insns for path in profile.paths()) == profile.insns
    assert by_slot[0] == len(starts)


@settings(max_examples=60, deadline=None)
@given(blocks=blocks_of_a_graph, fuel=st.integers(1, 40), starts=states)
def test_the_form_for_graphs_that_do_not_nest_counts_the_same(
    blocks: list[Block], fuel: int, starts: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structure, "MAX_DEPTH", -1)
        machine = simulated(SCHED_CLS, assemble(blocks, fuel))
    assert "goto <" in machine.programs["main"].translated.source
    for state in starts:
        check(machine, blocks, fuel, state)


@pytest.mark.kernel
@pytest.mark.skipif(not usable(), reason="no eBPF on this machine's own kernel, or no root")
@settings(max_examples=60, deadline=None)
@given(blocks=blocks_of_a_graph, fuel=st.integers(1, 6), starts=states)
def test_the_kernel_takes_the_same_way(blocks: list[Block], fuel: int, starts: list[int]) -> None:
    program = assemble(blocks, fuel)
    machine = simulated(SCHED_CLS, program)
    try:
        with loaded(SCHED_CLS, program) as fd:
            for state in starts:
                packet = struct.pack("<Q", state).ljust(64, b"\0")
                real = run_packet(fd, packet)
                assert machine.run_packet("main", packet).result == real.retval
    except RefusedError as refused:
        # Blocks that cannot be reached are no valid program for the kernel.
        assume("unreachable" not in refused.log)
        raise


def test_a_deep_nest_of_branches_is_still_translated() -> None:
    blocks: list[Block] = [(1, 977 * number, number + 1, (number + 2) % 120) for number in range(120)]
    blocks[-1] = (1, 7, EXIT_BLOCK, EXIT_BLOCK)
    machine = simulated(SCHED_CLS, assemble(blocks, 200))
    for state in (0, 1, 0xDEADBEEF):
        check(machine, blocks, 200, state)


def test_a_program_without_end_is_stopped() -> None:
    program = [Insn(0xB7, 0, 0, 0, 0), Insn(0x07, 0, 0, 0, 1), Insn(0x05, 0, 0, -2, 0), Insn(0x95, 0, 0, 0, 0)]
    machine = simulated(SCHED_CLS, program)
    run = machine.run_packet("main", bytes(64))
    assert run.fault is not None
    assert "still running" in run.fault.message


def test_a_wide_load_is_one_instruction() -> None:
    program = [Insn(LD_IMM64, 0, 0, 0, 5), Insn(0, 0, 0, 0, 1), Insn(0x95, 0, 0, 0, 0)]
    run = simulated(SCHED_CLS, program).run_packet("main", bytes(64))
    assert (run.insns, run.result) == (2, 1 << 32 | 5)
