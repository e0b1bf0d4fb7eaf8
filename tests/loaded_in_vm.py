# SPDX-License-Identifier: Apache-2.0
"""Loads objects in a virtual machine, all of them in one, with the kernel that is asked for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import harness
from harness.kernels import DEFAULT, KernelError, find_kernel
from harness.targets import do_job
from harness.targets.vm import VmTarget

OLDER = (DEFAULT, "5.15")
"""Kernels whose verifiers know less than newer ones, the last of them the oldest that is promised."""


def refused(objects: dict[str, Path], folder: Path, kernel: str = DEFAULT) -> dict[str, str]:
    """What the verifier of a virtual machine with ``kernel`` says against each object, by name.

    Skips the test where there is no such machine.
    """
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    try:
        found = find_kernel(kernel)
    except KernelError as problem:
        pytest.skip(f"no kernel {kernel} for a virtual machine: {problem.message}")
    job = folder / "job"
    (job / "harness").mkdir(parents=True)
    (job / "harness" / "__init__.py").write_text("", encoding="ascii")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(harness.__file__ or "").parent / "agent", job / "harness" / "agent", ignore=ignored)
    shutil.copytree(Path(os.fspath(Path(harness.__file__ or "").parent.parent)) / "workloads", job / "workloads")
    benchmarks = []
    for name, path in objects.items():
        shutil.copy(path, job / path.name)
        sides = [{"name": "honey", "object": path.name}]
        use = {"name": "network", "options": {}}
        benchmarks.append({"name": name, "sides": sides, "workload": use, "phases": [], "time_limit_s": 60})
    document = {"schema": 1, "seed": 1, "cpu": 0, "benchmarks": benchmarks}
    (job / "job.json").write_text(json.dumps(document), encoding="utf-8")
    with VmTarget(found) as target:
        do_job(target, job, folder / "out", time_limit_s=300)
    result = json.loads((folder / "out" / "result.json").read_text(encoding="utf-8"))
    assert result["error"] is None
    assert [entry["name"] for entry in result["benchmarks"]] == list(objects)
    return {entry["name"]: str(entry["error"]) for entry in result["benchmarks"] if entry["error"] is not None}
