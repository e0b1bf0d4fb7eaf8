# SPDX-License-Identifier: Apache-2.0
"""Job folders for tests: the real agent, objects made from small C programs, and workloads that are stubs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clang_objects import clang_object

import harness
import workloads

HERE = Path(__file__).parent
SHADOW: Mapping[str, Any] = {"kind": "shadow"}
_IGNORED = shutil.ignore_patterns("__pycache__")


def compile_program(name: str, folder: Path, *, source: Path | None = None) -> Path:
    """``source`` (default: ``programs/NAME.bpf.c``) as the object NAME in ``folder``."""
    return clang_object(source or HERE / "programs" / f"{name}.bpf.c", folder / f"{name}.bpf.o")


def make_job(
    folder: Path,
    objects: Mapping[str, Path],
    phases: Sequence[Mapping[str, Any]] = (SHADOW,),
    workload: Mapping[str, Any] | None = None,
    **rest: Any,
) -> Path:
    """A job of one benchmark called ``test`` whose sides are ``objects``; by default 100 datagrams are sent."""
    folder.mkdir()
    (folder / "harness").mkdir()
    (folder / "harness" / "__init__.py").write_text("", encoding="ascii")
    shutil.copytree(Path(harness.__file__ or "").parent / "agent", folder / "harness" / "agent", ignore=_IGNORED)
    shutil.copytree(HERE / "stub", folder / "workloads", ignore=_IGNORED)
    for name in ("events.py", "recorder.py", "user_memory.py"):
        shutil.copy(Path(workloads.__file__ or "").parent / name, folder / "workloads")
    for side, path in objects.items():
        shutil.copy(path, folder / f"{side}.bpf.o")
    benchmark = {
        "name": "test",
        "sides": [{"name": side, "object": f"{side}.bpf.o"} for side in objects],
        "workload": workload or {"name": "send", "options": {"count": 100}},
        "phases": list(phases),
        "time_limit_s": 20,
        **rest,
    }
    job = {"schema": 1, "seed": 1, "cpu": None, "benchmarks": [benchmark]}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return folder


def solo(side: str, **rest: Any) -> dict[str, Any]:
    """A solo phase."""
    return {"kind": "solo", "side": side, **rest}
