# SPDX-License-Identifier: Apache-2.0
"""Objects that clang makes of C, as tests need them."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

#: Debian keeps the kernel's headers of an architecture in a folder of its own.
_HEADERS = f"/usr/include/{platform.machine()}-linux-gnu"


def clang_object(source: Path, output: Path, *flags: str) -> Path:
    """``source`` as the object ``output``, which is given back; ``flags`` come after those that all objects have."""
    command = ["clang", "-O2", "-g", "-target", "bpf", f"-I{_HEADERS}", *flags, "-c", str(source), "-o", str(output)]
    subprocess.run(command, check=True, timeout=60)
    return output
