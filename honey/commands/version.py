# SPDX-License-Identifier: Apache-2.0
"""`honey --version`."""

from __future__ import annotations

import platform
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
    from honey.emit.clang import ClangMissing, find_clang

    path = find_clang()
    if isinstance(path, ClangMissing):
        return "(not found)"
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"(at {path}, does not run)"
    if done.returncode != 0:
        return f"(at {path}, does not run)"
    first = done.stdout.split("\n", 1)[0]
    return first.removeprefix("Debian ").removeprefix("Ubuntu ").removeprefix("clang version ")
