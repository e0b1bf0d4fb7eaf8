# SPDX-License-Identifier: Apache-2.0
"""Booted guests that wait for a job, kept as files: a run starts from one in some hundredths of a second.

The guest's memory is a file that QEMU maps; what else there is to a machine (registers, devices) goes into a second,
small one through migration with ``x-ignore-shared``. A run maps the memory privately, so it copies only the pages it
writes to, and any number of runs share one snapshot.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from harness.cache import cache_folder
from harness.targets.guest import frames
from harness.targets.qemu import Machine, Qemu, host_cpu, qemu_version
from harness.targets.qmp import QmpError

_KEEP = 8
_CHUNK = 1 << 16
_IGNORE_SHARED = [{"capability": "x-ignore-shared", "state": True}]

Booting = Callable[[Qemu], None]


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

    @property
    def about(self) -> Path:
        """What the guest said about itself when it was ready (JSON): its ``release``, ``python``, ``window``."""
        return self.folder / "about.json"

    def window(self) -> int:
        """How many bytes the guest shares with the host, 0 where its kernel does not let it."""
        return int(json.loads(self.about.read_text(encoding="utf-8"))["window"])


def snapshot_of(
    machine: Machine, image_key: str, modules: bytes = b"", *, boot_limit_s: float, booting: Booting = lambda _: None
) -> tuple[Snapshot, bool]:
    """The snapshot for ``machine``, and whether it had to be made: then the guest was booted for it.

    ``modules`` is an archive of kernel modules, which only booting needs. ``booting`` is told the guest that boots;
    when that is closed, a :class:`harness.targets.base.TargetError` is raised here.
    """
    folder = cache_folder("snapshots") / _key(machine, image_key, modules)
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
            initrd = part / "initrd"
            with initrd.open("wb") as stream, machine.initrd.open("rb") as image:
                shutil.copyfileobj(image, stream, 1 << 20)
                stream.write(modules)
            _make(replace(machine, initrd=initrd), Snapshot(part), boot_limit_s, booting)
            initrd.unlink()
            part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return found, True


def restore(machine: Machine, snapshot: Snapshot) -> Qemu:
    """A guest that goes on from ``snapshot``; it waits for its job."""
    guest = Qemu(machine, snapshot.memory)
    try:
        guest.monitor.command("migrate-set-capabilities", capabilities=_IGNORE_SHARED)
        guest.monitor.command("migrate-incoming", uri=f"exec:cat {shlex.quote(str(snapshot.state))}")
        guest.monitor.wait_until("query-status", status=frozenset({"paused", "running"}))
        guest.monitor.command("cont")
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


def _make(machine: Machine, snapshot: Snapshot, boot_limit_s: float, booting: Booting) -> None:
    """Boot with memory that is no file on a disk yet (memfd_create(2)): a booting guest writes to all of it."""
    memory = os.memfd_create("guest")
    try:
        os.truncate(memory, machine.memory_mb << 20)
        guest = Qemu(machine, memory)
        try:
            booting(guest)
            snapshot.about.write_bytes(wait_ready(guest, limit_s=boot_limit_s))
            _save(guest, snapshot.state)
        finally:
            guest.close()
        _keep(memory, snapshot.memory)
    finally:
        os.close(memory)


def _save(guest: Qemu, state: Path) -> None:
    try:
        guest.monitor.command("stop")
        guest.monitor.command("migrate-set-capabilities", capabilities=_IGNORE_SHARED)
        guest.monitor.command("migrate", uri=f"exec:cat > {shlex.quote(str(state))}")
        guest.monitor.wait_until("query-migrate", status=frozenset({"completed"}), failed=frozenset({"failed"}))
        guest.monitor.command("quit")
    except QmpError as problem:
        raise guest.lost("snapshot", str(problem)) from problem


def _keep(memory: int, path: Path) -> None:
    """Write the guest's memory to ``path``, with holes where it is zero: three quarters of it, as a rule."""
    zeros = bytes(_CHUNK)
    with path.open("wb") as stream, mmap.mmap(memory, 0, prot=mmap.PROT_READ) as contents:
        stream.truncate(len(contents))
        for at in range(0, len(contents), _CHUNK):
            chunk = contents[at : at + _CHUNK]
            if chunk != zeros:
                stream.seek(at)
                stream.write(chunk)


def _forget_old(folder: Path) -> None:
    """Make room: the least recently used snapshots go."""
    kept = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in kept[: max(0, len(kept) - _KEEP + 1)]:
        shutil.rmtree(path, ignore_errors=True)


def _key(machine: Machine, image_key: str, modules: bytes) -> str:
    kernel = hashlib.sha256(machine.kernel.read_bytes()).hexdigest()
    # With KVM a guest sees this machine's CPU, and its state fits no other.
    cpu = "" if machine.accelerator == "tcg" else host_cpu()
    words = "\n".join((kernel, image_key, hashlib.sha256(modules).hexdigest(), qemu_version(), machine.describe(), cpu))
    return hashlib.sha256(words.encode()).hexdigest()[:20]
