# SPDX-License-Identifier: Apache-2.0
"""Where the harness keeps what is costly to make again: the user's cache folder (``XDG_CACHE_HOME``)."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def cache_folder(subject: str) -> Path:
    """The folder for ``subject`` (``vmlinux``, ``kernels``, ...), made if need be."""
    folder = platformdirs.user_cache_path("honey-parity") / subject
    folder.mkdir(parents=True, exist_ok=True)
    return folder
