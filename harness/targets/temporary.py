# SPDX-License-Identifier: Apache-2.0
"""Folders of a run: named so that those of a run that was killed can be told from those in use."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PREFIX = "honey-run-"
_NAME = re.compile(rf"{_PREFIX}(\d+)-\w+-")


def temporary_folder(subject: str) -> Path:
    """A new folder for ``subject`` (letters only), whose name tells the process that it belongs to.

    On this occasion those of runs that were killed are removed.
    """
    for path in abandoned():
        shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{subject}-"))


def owner(name: str) -> int | None:
    """The process that a name (of a folder, or in a command line) belongs to; ``None`` for a name that is not ours."""
    match = _NAME.search(name)
    return int(match[1]) if match else None


def abandoned() -> Iterator[Path]:
    """The folders of this user (for root: of any) whose process is gone."""
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        pid = owner(path.name)
        if pid is None or alive(pid):
            continue
        with suppress(FileNotFoundError):
            if os.geteuid() in {0, path.stat().st_uid}:
                yield path


def alive(pid: int) -> bool:
    """Whether a process with this number runs."""
    return Path(f"/proc/{pid}").is_dir()
