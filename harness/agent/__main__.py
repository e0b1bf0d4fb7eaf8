# SPDX-License-Identifier: Apache-2.0
"""``python3 -m harness.agent JOB_FOLDER OUT_FOLDER``: do a job on this machine's kernel, as root."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Entry point; the exit status is 0 without errors, 1 with some (see ``result.json``), 130 after a signal."""
    if len(sys.argv) != 3:
        print("usage: python3 -m harness.agent JOB_FOLDER OUT_FOLDER", file=sys.stderr)
        return 2
    from harness.agent.run import run_job

    try:
        return run_job(Path(sys.argv[1]), Path(sys.argv[2]))
    except OSError as problem:  # no place for the results
        print(f"the agent cannot go on: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
