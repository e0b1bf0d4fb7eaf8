# SPDX-License-Identifier: Apache-2.0
"""Arithmetic, jumps and memory access of the simulator against the machine's own kernel, on random programs."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.agent.bpf import run_packet
from harness.objects import Insn
from sim.sim_kernel import SCHED_CLS, loaded, simulated, usable

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not usable(), reason="no eBPF on this machine's own kernel, or no root"),
]

BINARY = (0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xA0, 0xB0, 0xC0)
SHIFTS = (0x60, 0x70, 0xC0)
COMPARISONS = (0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0, 0xC0, 0xD0)
FRAME = 768
REGISTERS = (0, 1, 2, 3, 4, 5)
M64 = (1 << 64) - 1

edges = st.sampled_from(
    [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 63, M64]
)
numbers = st.one_of(edges, edges.map(lambda n: -n & M64), st.integers(0, M64), st.integers(0, 70))
immediates = st.one_of(
    st.sampled_from([0, 1, -1, 2, -2, 0x7FFFFFFF, -0x80000000, 0xFF, 0x8000]),
    st.integers(-0x80000000, 0x7FFFFFFF),
    st.integers(-70, 70),
)
registers = st.sampled_from(REGISTERS)


@st.composite
def arithmetic(draw: Callable[..., object]) -> list[Insn]:
    """One instruction that computes."""
    d: Callable[[object], int] = draw  # type: ignore[assignment]  # all that is drawn here are numbers
    dst, src = d(registers), d(registers)
    kind = d(st.integers(0, 9))
    wide = d(st.sampled_from([4, 7]))
    if kind == 0:
        return [Insn(0x80 | wide, dst, 0, 0, 0)]
    if kind == 1:
        code = d(st.sampled_from([0xD4, 0xDC, 0xD7]))
        return [Insn(code, dst, 0, 0, d(st.sampled_from([16, 32, 64])))]
    if kind == 2:
        widths = [8, 16, 32] if wide == 7 else [8, 16]
        return [Insn(0xB8 | wide, dst, src, d(st.sampled_from(widths)), 0)]
    if kind == 3:
        number = d(numbers)
        low, high = struct.unpack("<ii", struct.pack("<Q", number))
        return [Insn(0x18, dst, 0, 0, low), Insn(0, 0, 0, 0, high)]
    operation = d(st.sampled_from(BINARY))
    off = d(st.sampled_from([0, 1])) if operation in (0x30, 0x90) else 0
    if kind < 7:
        return [Insn(operation | wide | 8, dst, src, off, 0)]
    imm = d(immediates)
    if operation in SHIFTS:
        imm %= 64 if wide == 7 else 32
    elif operation in (0x30, 0x90) and imm == 0:
        imm = 3
    return [Insn(operation | wide, dst, 0, off, imm)]


@st.composite
def widening(draw: Callable[..., object]) -> list[Insn]:
    """The shifts by which compilers extend 32-bit numbers."""
    dst = draw(registers)
    assert isinstance(dst, int)
    back = draw(st.sampled_from([0x77, 0xC7]))
    assert isinstance(back, int)
    return [Insn(0x67, dst, 0, 0, 32), Insn(back, dst, 0, 0, 32)]


@st.composite
def stack_access(draw: Callable[..., object]) -> list[Insn]:
    """A store to the (initialised) stack, perhaps atomic, and a load of another width from the same place."""
    d: Callable[[object], int] = draw  # type: ignore[assignment]  # all that is drawn here are numbers
    slot = -8 * d(st.integers(1, 4))
    sizes = {0x18: 8, 0x00: 4, 0x08: 2, 0x10: 1}
    size = d(st.sampled_from(list(sizes)))
    off = slot + sizes[size] * d(st.integers(0, 8 // sizes[size] - 1))
    kind = d(st.integers(0, 3))
    if kind == 0:
        store = Insn(0x62 | size, 10, 0, off, d(immediates))
    elif kind == 1:
        word = d(st.sampled_from([0x00, 0x18]))
        slot_off = slot if word else slot + d(st.sampled_from([0, 4]))
        operation = d(st.sampled_from([0x00, 0x40, 0x50, 0xA0, 0x01, 0x41, 0x51, 0xA1, 0xE1, 0xF1]))
        store = Insn(0xC3 | word, 10, d(registers), slot_off, operation)
    else:
        store = Insn(0x63 | size, 10, d(registers), off, 0)
    size = d(st.sampled_from(list(sizes)))
    off = slot + sizes[size] * d(st.integers(0, 8 // sizes[size] - 1))
    mode = 0x80 if size != 0x18 and d(st.booleans()) else 0x60
    return [store, Insn(0x01 | mode | size, d(registers), 10, off, 0)]


@st.composite
def branch(draw: Callable[..., object]) -> list[Insn]:
    """A jump over one or two instructions, or between two branches."""
    d: Callable[[object], int] = draw  # type: ignore[assignment]  # numbers
    operation, kind = d(st.sampled_from(COMPARISONS)), d(st.sampled_from([5, 6]))
    one: list[Insn] = draw(arithmetic())  # type: ignore[assignment]  # what that strategy makes
    other: list[Insn] = draw(arithmetic())  # type: ignore[assignment]  # likewise
    dst = d(registers)
    skip = len(one) + 1
    if d(st.booleans()):
        jump = Insn(operation | kind | 8, dst, d(registers), skip, 0)
    else:
        jump = Insn(operation | kind, dst, 0, skip, d(immediates))
    return [jump, *one, Insn(0x05, 0, 0, len(other), 0), *other]


pieces = st.lists(st.one_of(arithmetic(), arithmetic(), widening(), stack_access()), min_size=1, max_size=40)
mixed = st.tuples(pieces, st.lists(branch(), max_size=5), st.randoms(use_true_random=False))


def whole_program(body: list[Insn]) -> list[Insn]:
    """Registers and stack filled from the packet, ``body``, and registers and stack written back to it."""
    program = [
        Insn(0x61, 6, 1, 76, 0),
        Insn(0x61, 7, 1, 80, 0),
        Insn(0xBF, 8, 6, 0, 0),
        Insn(0x07, 8, 0, 0, 256),
        Insn(0x3D, 7, 8, 2, 0),
        Insn(0xB7, 0, 0, 0, 1),
        Insn(0x95, 0, 0, 0, 0),
    ]
    for slot in range(1, 5):
        program += [Insn(0x79, 0, 6, 16 + 8 * (10 + slot), 0), Insn(0x7B, 10, 0, -8 * slot, 0)]
    program += [Insn(0x79, register, 6, 16 + 8 * register, 0) for register in REGISTERS]
    program += body
    program += [Insn(0x7B, 6, register, 16 + 8 * register, 0) for register in REGISTERS]
    for slot in range(1, 5):
        program += [Insn(0x79, 0, 10, -8 * slot, 0), Insn(0x7B, 6, 0, 16 + 8 * (10 + slot), 0)]
    return [*program, Insn(0xB7, 0, 0, 0, 7), Insn(0x95, 0, 0, 0, 0)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(parts=mixed, contents=st.lists(st.lists(numbers, min_size=15, max_size=15), min_size=1, max_size=4))
def test_random_programs_compute_what_the_kernel_computes(
    parts: tuple[list[list[Insn]], list[list[Insn]], object], contents: list[list[int]]
) -> None:
    straight, branches, order = parts
    groups = [*straight, *branches]
    order.shuffle(groups)  # type: ignore[attr-defined]  # hypothesis' random.Random
    program = whole_program([insn for group in groups for insn in group])
    machine = simulated(SCHED_CLS, program)
    with loaded(SCHED_CLS, program) as fd:
        for numbers_in in contents:
            packet = bytes(16) + struct.pack("<15Q", *numbers_in) + bytes(256)
            real = run_packet(fd, packet)
            mine = machine.run_packet("main", packet)
            assert mine.fault is None
            assert (mine.result, mine.packet) == (real.retval, real.data), machine.programs["main"].translated.source
