# SPDX-License-Identifier: Apache-2.0
"""A harness to be killed in mid-run: ``python lost.py TARGET JOB`` says "running" once the workload hangs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from harness.targets import do_job, open_target


def main() -> None:
    """Run a job that does not end."""

    def say(step: str) -> None:
        if step.startswith("shadow"):
            print("running", flush=True)

    with open_target(sys.argv[1]) as target, tempfile.TemporaryDirectory() as out:
        do_job(target, Path(sys.argv[2]), Path(out), time_limit_s=100, on_step=say)


if __name__ == "__main__":
    main()
