# SPDX-License-Identifier: Apache-2.0
"""An object with types of all kinds, compiled once a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.objects import BpfObject, read_object

SOURCE = Path(__file__).with_name("shapes.bpf.c")


@pytest.fixture(scope="session")
def shapes_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("objects") / "shapes.bpf.o"
    include = "-I/usr/include/x86_64-linux-gnu"
    command = ["clang", "-O2", "-g", "-target", "bpf", "-mcpu=v3", include, "-c", str(SOURCE), "-o", str(output)]
    subprocess.run(command, check=True, timeout=60)
    return output


@pytest.fixture(scope="session")
def shapes(shapes_path: Path) -> BpfObject:
    return read_object(shapes_path)
