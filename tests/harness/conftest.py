# SPDX-License-Identifier: Apache-2.0
"""Objects that comparison and measuring are tested on, compiled once a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.objects import BpfObject, read_object

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="session")
def flows_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data/flows.bpf.c`` as an object."""
    output = tmp_path_factory.mktemp("objects") / "flows.bpf.o"
    command = ["clang", "-O2", "-g", "-target", "bpf", "-c", str(DATA / "flows.bpf.c"), "-o", str(output)]
    subprocess.run(command, check=True, timeout=60)
    return output


@pytest.fixture(scope="session")
def flows(flows_path: Path) -> BpfObject:
    """The same, read."""
    return read_object(flows_path)
