# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all: on a full disk, what was there before stays."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from harness.errors import HarnessError


def write_whole(path: Path, text: str) -> None:
    """Put ``text`` into the file ``path``, of which no half is ever seen.

    A link stays one, and what is no ordinary file (``/dev/stdout``) is written to. Raises :class:`HarnessError`.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(Path(os.path.realpath(path)), text)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror or error}") from error


def _replace(place: Path, text: str) -> None:
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        if place.exists():
            shutil.copymode(place, fresh)
        fresh.replace(place)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
