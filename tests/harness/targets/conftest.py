# SPDX-License-Identifier: Apache-2.0
"""Targets under test: jobs as in the tests of the agent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from agent.job_folder import compile_program

from harness.kernels import DEFAULT, Kernel, KernelError, find_kernel


@pytest.fixture(scope="session")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The object that counts sendto calls."""
    return compile_program("counts", tmp_path_factory.mktemp("counts"))


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    """The default kernel, fetched if need be; skips where there is no QEMU or no way to a kernel."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    try:
        return find_kernel(DEFAULT)
    except KernelError as problem:
        pytest.skip(f"no kernel for a virtual machine: {problem.message}")
