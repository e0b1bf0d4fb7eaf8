# SPDX-License-Identifier: Apache-2.0
"""An object with types of all kinds, compiled once a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from clang_objects import clang_object

from harness.objects import BpfObject, read_object

SOURCE = Path(__file__).with_name("shapes.bpf.c")


@pytest.fixture(scope="session")
def shapes_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("objects") / "shapes.bpf.o"
    return clang_object(SOURCE, output, "-mcpu=v3")


@pytest.fixture(scope="session")
def shapes(shapes_path: Path) -> BpfObject:
    return read_object(shapes_path)
