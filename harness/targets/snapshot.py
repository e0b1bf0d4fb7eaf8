# SPDX-License-Identifier: Apache-2.0
"""Booted guests that wait for a job, kept as files: a run starts from one in some hundredths of a second.

The guest's memory is a file that QEMU maps; what else there is to a machine (registers, devices) goes into a second,
small one through migration with ``x-ignore-shared``. A run maps the memory privately, so it copies only the pages it
writes to, and any number of runs share one snapshot.
"""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from harness.cache import cache_folder
from harness.targets.base import TargetError
from harness.targets.guest import frames
from harness.targets.qemu import Machine, Qemu, qemu_version
from harness.targets.qmp import QmpError

_KEEP = 8
_CHUNK = 1 << 20
_PUNCH_HOLE = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_IGNORE_SHARED = [{"capability": "x-ignore-shared", "state": True}]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A guest that waits for its job: its memory, and the state of its devices."""

    folder: Path

    @property
    def memory(self) -> Path:
        """The guest's memory."""
        return self.folder / "memory"

    @property
    def state(self) -> Path:
        """Everything else."""
        return self.folder / "state"


def snapshot_of(machine: Machine, image_key: str, *, boot_limit_s: float) -> tuple[Snapshot, bool]:
    """The snapshot for ``machine``, and whether it had to be made: then the guest was booted for it."""
    folder = cache_folder("snapshots") / _key(machine, image_key)
    found = Snapshot(folder)
    with FileLock(f"{folder}.lock"):
        if found.state.is_file():
            os.utime(folder)
            return found, False
        _forget_old(folder.parent)
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            _make(machine, Snapshot(part), boot_limit_s)
            part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return found, True


def restore(machine: Machine, snapshot: Snapshot) -> Qemu:
    """A guest that goes on from ``snapshot``; it waits for its job."""
    guest = Qemu(machine, snapshot.memory, shared=False, incoming=True)
    try:
        if guest.qmp is None:
            raise TargetError("restore", "QEMU has no monitor")
        guest.qmp.command("migrate-set-capabilities", capabilities=_IGNORE_SHARED)
        guest.qmp.command("migrate-incoming", uri=f"exec:cat '{snapshot.state}'")
        guest.qmp.wait_until("query-status", status=frozenset({"paused", "running"}))
        guest.qmp.command("cont")
    except QmpError as problem:
        lost = guest.lost("restore", str(problem))
        guest.close()
        raise lost from problem
    except BaseException:
        guest.close()
        raise
    return guest


def forget(snapshot: Snapshot) -> None:
    """Remove a snapshot that turned out to be of no use."""
    with FileLock(f"{snapshot.folder}.lock"):
        shutil.rmtree(snapshot.folder, ignore_errors=True)


def wait_ready(guest: Qemu, *, limit_s: float) -> bytes:
    """Wait for the guest to say that it waits for a job; gives what it says about itself (JSON)."""
    kind, about = guest.receive(step="boot", deadline=time.monotonic() + limit_s)
    if kind != frames.READY:
        raise guest.lost("boot", f"the guest sent a frame of kind {kind!r} instead of being ready")
    return about


def _make(machine: Machine, snapshot: Snapshot, boot_limit_s: float) -> None:
    with snapshot.memory.open("wb") as stream:
        stream.truncate(machine.memory_mb << 20)
    guest = Qemu(machine, snapshot.memory, shared=True)
    try:
        wait_ready(guest, limit_s=boot_limit_s)
        if guest.qmp is None:
            raise TargetError("snapshot", "QEMU has no monitor")
        guest.qmp.command("stop")
        guest.qmp.command("migrate-set-capabilities", capabilities=_IGNORE_SHARED)
        guest.qmp.command("migrate", uri=f"exec:cat > '{snapshot.state}'")
        guest.qmp.wait_until("query-migrate", status=frozenset({"completed"}), failed=frozenset({"failed"}))
        guest.qmp.command("quit")
    except QmpError as problem:
        raise guest.lost("snapshot", str(problem)) from problem
    finally:
        guest.close()
    _dig_holes(snapshot.memory)


def _dig_holes(path: Path) -> None:
    """Give back the file's stretches of zeros (fallocate(2)); where that does not work the file is only larger."""
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    zeros = bytes(_CHUNK)
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as memory:
        size = len(memory)
        at = os.lseek(stream.fileno(), 0, os.SEEK_DATA)
        while at < size:
            if memory[at : at + _CHUNK] == zeros:
                fallocate(stream.fileno(), _PUNCH_HOLE, at, _CHUNK)
            at += _CHUNK


def _forget_old(folder: Path) -> None:
    """Make room: the least recently used snapshots go."""
    kept = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in kept[: max(0, len(kept) - _KEEP + 1)]:
        shutil.rmtree(path, ignore_errors=True)


def _key(machine: Machine, image_key: str) -> str:
    kernel = hashlib.sha256(machine.kernel.read_bytes()).hexdigest()
    words = "\n".join((kernel, image_key, qemu_version(), machine.describe(), _host(machine)))
    return hashlib.sha256(words.encode()).hexdigest()[:20]


def _host(machine: Machine) -> str:
    """With KVM a guest sees this machine's CPU, and its state fits no other."""
    if machine.accelerator == "tcg":
        return ""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines[:40] if line.startswith(("model", "flags", "microcode", "stepping")))
