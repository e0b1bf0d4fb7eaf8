# SPDX-License-Identifier: Apache-2.0
"""Programs that simulator and kernel both run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clang_objects import clang_object

from harness.agent.libbpf import Libbpf
from harness.agent.load import load_side
from harness.agent.maps import possible_cpus
from harness.agent.mounts import kernel_file_systems
from sim.sim_kernel import Side, usable

PROGRAMS = Path(__file__).with_name("programs")
Compile = Callable[..., Path]


@pytest.fixture(scope="session")
def compile_program(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """A function that gives the object of ``programs/NAME.bpf.c``, compiled once for each set of flags."""
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, *flags: str) -> Path:
        key = (name, *flags)
        if key not in made:
            output = tmp_path_factory.mktemp("sim") / f"{name}.bpf.o"
            source = PROGRAMS / f"{name}.bpf.c"
            made[key] = clang_object(source, output, "-Wall", "-Werror", *flags)
        return made[key]

    return make


@pytest.fixture
def load_kernel(tmp_path: Path) -> Iterator[Callable[[Path], Side]]:
    """A function that loads an object into the machine's own kernel, until the test ends."""
    if not usable():
        pytest.skip("no eBPF on this machine's own kernel, or no root")
    library = Libbpf()
    sides: list[Side] = []
    with kernel_file_systems():

        def load(path: Path) -> Side:
            side = Side(load_side(library, "test", path, pin_root=str(tmp_path), cpus=possible_cpus()))
            sides.append(side)
            return side

        try:
            yield load
        finally:
            for side in sides:
                side.loaded.close()
