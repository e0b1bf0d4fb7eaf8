# SPDX-License-Identifier: Apache-2.0
"""CO-RE relocations: the same answers as libbpf's, and what becomes of those that have none."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.objects import read_btf, read_object
from harness.objects.btf import VMLINUX
from harness.sim import Machine
from sim.sim_kernel import Side

Compile = Callable[..., Path]
ANSWERS = struct.Struct("<40Q")


@pytest.mark.kernel
@pytest.mark.skipif(not VMLINUX.exists(), reason="the kernel has no BTF")
def test_relocations_against_the_running_kernel_are_those_of_libbpf(
    compile_program: Compile, load_kernel: Callable[[Path], Side]
) -> None:
    path = compile_program("core", "-mcpu=v3")
    real = load_kernel(path).run("ask", bytes(512))
    mine = Machine(read_object(path), target_btf=read_btf()).run_packet("ask", bytes(512))
    assert (mine.fault, mine.result, real.retval) == (None, 0, 0)
    answers = ANSWERS.unpack_from(mine.packet or b"")
    assert answers == ANSWERS.unpack_from(real.data)
    assert any(answers)


def test_without_a_target_the_objects_own_types_count(compile_program: Compile) -> None:
    run = Machine(read_object(compile_program("core", "-mcpu=v3"))).run_packet("ask", bytes(512))
    answers = ANSWERS.unpack_from(run.packet or b"")
    # Offset, size and presence of tgid, and presence of a field that only the object knows.
    assert answers[:4] == (4, 4, 1, 1)


def test_a_field_that_the_target_lacks_fails_only_when_it_is_reached(compile_program: Compile) -> None:
    obj = read_object(compile_program("core", "-mcpu=v3"))
    other = read_object(compile_program("traffic"))
    machine = Machine(obj, programs=["ask", "stumble"], target_btf=other.btf)
    run = machine.run_packet("stumble", bytes(64))
    assert run.fault is not None
    assert "struct task_struct" in run.fault.message
    assert run.fault.line is not None
    assert "stumble" in run.fault.line.text


def test_programs_that_libbpf_would_not_load_are_left_out(compile_program: Compile) -> None:
    assert list(Machine(read_object(compile_program("core", "-mcpu=v3"))).programs) == ["ask"]
