# SPDX-License-Identifier: Apache-2.0
"""The checkout the harness works on: where its rooms are and which commit it stands at."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree of the project."""

    root: Path

    @property
    def benchmarks(self) -> Path:
        """The folder of the benchmark files."""
        return self.root / "benchmarks"

    @property
    def reports(self) -> Path:
        """The folder that reports are written to."""
        return self.root / "reports"

    def relative(self, path: Path) -> str:
        """``path`` as people and reports see it: relative to the checkout where it lies inside."""
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except ValueError:
            return path.name

    def commit(self) -> str:
        """The commit checked out, with ``-dirty`` when tracked files differ from it; ``unknown`` outside git."""
        command = ["git", "-C", str(self.root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            return "unknown"
        return done.stdout.strip()


def find_checkout(start: Path | None = None) -> Checkout:
    """The checkout around ``start`` (default: the working directory), else the one this package is part of."""
    here = (start or Path.cwd()).resolve()
    own = Path(__file__).resolve().parents[1]
    for folder in (here, *here.parents, own):
        if (folder / "benchmarks").is_dir() and (folder / "harness").is_dir():
            return Checkout(folder)
    raise HarnessError(
        "no checkout of the project here: a folder with benchmarks/ and harness/ is needed",
        hint="run the command inside the checkout",
    )
