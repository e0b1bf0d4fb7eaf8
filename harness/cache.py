# SPDX-License-Identifier: Apache-2.0
"""Where the harness keeps what is costly to make again: the user's cache folder (``XDG_CACHE_HOME``)."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from harness.errors import HarnessError


def cache_folder(subject: str) -> Path:
    """The folder for ``subject`` (``vmlinux``, ``kernels``, ...), made if need be. Raises :class:`HarnessError`."""
    folder = platformdirs.user_cache_path("honey-parity") / subject
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "let XDG_CACHE_HOME name a folder that can be written to"
        raise HarnessError(f"cannot make the cache folder {folder}: {error.strerror}", hint=hint) from error
    return folder
