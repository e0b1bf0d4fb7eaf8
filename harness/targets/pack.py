# SPDX-License-Identifier: Apache-2.0
"""Job folders: completing one with the agent and the workloads, and packing folders for a narrow line."""

from __future__ import annotations

import compileall
import io
import shutil
import tarfile
import zlib
from pathlib import Path

import harness
import workloads

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", "oracles")


def add_agent(job: Path) -> None:
    """Copy the agent and the workload drivers into ``job``, compiled for this Python, so that a slow guest need not."""
    here = Path(harness.__file__ or "").parent
    drivers = Path(workloads.__file__ or "").parent
    (job / "harness").mkdir(parents=True, exist_ok=True)
    (job / "harness" / "__init__.py").write_bytes(b"")
    shutil.copytree(here / "agent", job / "harness" / "agent", ignore=_IGNORED, dirs_exist_ok=True)
    shutil.copytree(drivers, job / "workloads", ignore=_IGNORED, dirs_exist_ok=True)
    # Unchecked hashes: the guest trusts the bytecode instead of comparing it with a source time from another machine.
    mode = compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH  # type: ignore[attr-defined]
    compileall.compile_dir(job, quiet=2, stripdir=str(job), prependdir="/tmp/job", invalidation_mode=mode)


def pack_folder(folder: Path) -> bytes:
    """The folder as a compressed tar archive, with the same bytes for the same contents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(folder, arcname=".", filter=_anonymous)
    return zlib.compress(out.getvalue(), 9)


def unpack_folder(packed: bytes, folder: Path) -> None:
    """The inverse of :func:`pack_folder`; nothing is written outside ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(zlib.decompress(packed))) as archive:
        inside = folder.resolve()
        for member in archive:
            if not member.isfile() and not member.isdir():
                continue
            if not (inside / member.name).resolve().is_relative_to(inside):
                continue
            archive.extract(member, inside, set_attrs=False)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
