# SPDX-License-Identifier: Apache-2.0
"""`honey --version`."""

from __future__ import annotations

import platform
import shutil
import subprocess


def honey_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("honey-parity")
    except PackageNotFoundError:
        return "(not installed)"


def version_text() -> str:
    """The versions that matter for a bug report, a line each."""
    lines = [f"honey {honey_version()}", f"Python {platform.python_version()}", f"clang {_clang_version()}"]
    return "\n".join(lines)


def _clang_version() -> str:
    path = shutil.which("clang")
    if path is None:
        return "(not found)"
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"(at {path}, does not run)"
    first = done.stdout.split("\n", 1)[0]
    return first.removeprefix("Debian ").removeprefix("Ubuntu ").removeprefix("clang version ")
