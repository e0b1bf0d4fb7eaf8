# SPDX-License-Identifier: Apache-2.0
"""Compiles a Honey source the way a user does, with ``honey compile``, so that what is measured is what users get."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness.build_refused import refused
from harness.errors import BuildError

LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class HoneyBuild:
    """The C that was emitted, the command as reports show it, and the seconds from process start to object."""

    emitted: Path
    command: str
    seconds: float


def compile_honey(path: Path, output: Path, *, clang: str, root: Path) -> HoneyBuild:
    """Compile the Honey source ``path`` to the object ``output``; its C is kept beside it.

    Raises :class:`BuildError` with the compiler's diagnostic.
    """
    inside = path.resolve().is_relative_to(root)
    given = str(path.resolve().relative_to(root) if inside else path)
    shown = given if inside else path.name
    emitted = output.with_suffix(".c")
    before = time.monotonic()
    _honey([given, "-o", str(output)], clang=clang, root=root)
    seconds = time.monotonic() - before
    _honey([given, "--emit", "c", "-o", str(emitted)], clang=clang, root=root)
    return HoneyBuild(emitted, f"honey compile {shown} -o {output.name}", seconds)


def _honey(arguments: list[str], *, clang: str, root: Path) -> None:
    command = [sys.executable, "-m", "honey", "compile", *arguments]
    environment = {**os.environ, "HONEY_CLANG": clang, "PYTHONPATH": str(root)}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{Path(arguments[0]).name}: the Honey compiler did not end within {LIMIT_S} s") from error
    if done.returncode != 0:
        name = Path(arguments[0]).name
        raise refused(name, (done.stderr or done.stdout).replace(arguments[0], name))
