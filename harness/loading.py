# SPDX-License-Identifier: Apache-2.0
"""Loads an object into a target's kernel to hear what it says of it, and runs nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from harness.checkout import Checkout
from harness.errors import RunError
from harness.plan import JOB_SCHEMA, ship_agent
from harness.result import LoadedProgram, read_result
from harness.targets import do_job, open_target

LIMIT_S = 120.0
_NAME = "object"


def load_on(target: str, path: Path, checkout: Checkout, *, kernel: str | None = None) -> dict[str, LoadedProgram]:
    """What the kernel of ``target`` says of the object's programs, by name.

    Raises :class:`RunError` with the verifier's words where it is refused.
    """
    with tempfile.TemporaryDirectory(prefix="honey-load-") as name:
        folder = Path(name)
        job, out = folder / "job", folder / "out"
        ship_agent(checkout, job)
        place = job / "objects" / f"{_NAME}.bpf.o"
        place.parent.mkdir(parents=True)
        shutil.copyfile(path, place)
        entry = {"name": _NAME, "sides": [{"name": _NAME, "object": f"objects/{_NAME}.bpf.o"}], "phases": []}
        document = {"schema": JOB_SCHEMA, "seed": 1, "cpu": 0, "benchmarks": [entry]}
        (job / "job.json").write_text(json.dumps(document), encoding="utf-8")
        with open_target(target, kernel=kernel) as opened:
            do_job(opened, job, out, time_limit_s=LIMIT_S)
        result = read_result(out)
    error = result.error or next((one.error for one in result.benchmarks if one.error), None)
    if error is not None:
        raise RunError(f"{path.name}: {error.step}: {error.message}", details=error.log or "")
    return dict(result.benchmarks[0].programs.get(_NAME, {}))
