# SPDX-License-Identifier: Apache-2.0
"""What a compiler said when it made no object, as an error that names the cause first."""

from __future__ import annotations

import os
from errno import ENOSPC

from harness.errors import BuildError

_FULL = os.strerror(ENOSPC)
#: From here on LLVM writes for its own developers: the command again and its stack.
_CRASH = ("PLEASE submit a bug report", "Stack dump:")


def refused(what: str, said: str) -> BuildError:
    """The error for ``what`` (a source, with the compiler where that is known) from what the compiler said."""
    lines = said.splitlines()
    ends = [number for number, line in enumerate(lines) if line.startswith(_CRASH)]
    details = "\n".join(lines[: ends[0]] if ends else lines)
    if _FULL in said:
        return BuildError(f"{what} cannot be compiled: {_FULL.lower()}", details=details)
    return BuildError(f"{what} does not compile", details=details)
