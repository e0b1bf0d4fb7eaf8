# SPDX-License-Identifier: Apache-2.0
"""Where maps that ask for pinning by name go: a folder for each side, so that two sides never share one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: All folders of ours begin like this, so that leftovers of a killed agent can be told.
PREFIX = "honey-agent-"
BPFFS = Path("/sys/fs/bpf")


@contextmanager
def pin_folder(benchmark: str, side: str) -> Iterator[Path]:
    """A folder in bpffs that is gone, with what is pinned in it, at the end of the block."""
    root = BPFFS / f"{PREFIX}{os.getpid()}"
    # libbpf makes the last folder only; where bpffs is missing, objects without pinned maps load all the same.
    folder = root / f"{benchmark}-{side}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        yield folder
        return
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()
