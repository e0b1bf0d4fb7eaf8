# SPDX-License-Identifier: Apache-2.0
"""Objects in this machine's kernel, for as long as a test looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from harness.agent.libbpf import Libbpf
from harness.agent.load import LoadedSide, load_side
from harness.agent.maps import possible_cpus


@cache
def library() -> Libbpf:
    """libbpf, loaded once."""
    return Libbpf()


@contextmanager
def loaded(path: Path) -> Iterator[LoadedSide]:
    """The object at ``path`` in the kernel; `AgentError` with the verifier's words if it refuses a program."""
    side = load_side(library(), "tested", path, pin_root=str(path.parent), cpus=possible_cpus())
    try:
        yield side
    finally:
        side.close()
