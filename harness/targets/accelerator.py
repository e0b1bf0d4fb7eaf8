# SPDX-License-Identifier: Apache-2.0
"""Whether KVM really runs guests here. ``/dev/kvm`` may open, answer, and still hang every guest: only a boot tells.

The answer is remembered for this machine's kernel, CPU and QEMU, so that the question is asked once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import time
from pathlib import Path

from filelock import FileLock

from harness.cache import cache_folder
from harness.targets.base import TargetError
from harness.targets.cpio import CpioWriter
from harness.targets.image import busybox
from harness.targets.qemu import Machine, Qemu, host_cpu, qemu_version
from harness.targets.temporary import temporary_folder

#: A guest under KVM says its word after about a second; one that hangs never does.
PROBE_LIMIT_S = 8.0
_WORD = "honey-probe-alive"


def accelerator(kernel: Path) -> str:
    """``kvm`` where a guest with this ``kernel`` was seen to boot under it, else ``tcg``."""
    if os.environ.get("HONEY_ACCELERATOR") in {"kvm", "tcg"}:
        return os.environ["HONEY_ACCELERATOR"]
    return "kvm" if kvm_verdict(kernel) == "" else "tcg"


def kvm_device() -> str:
    """Why ``/dev/kvm`` cannot even be opened, or "" where it can."""
    if not os.path.exists("/dev/kvm"):
        return "there is no /dev/kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm may not be opened by this user"
    return ""


def remembered_verdict() -> str | None:
    """What an earlier probe found: "" for usable, a reason why not, ``None`` where none was made."""
    try:
        document = json.loads(_memory().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    verdict: str = document["verdict"]
    return verdict


def kvm_verdict(kernel: Path) -> str:
    """ "" where KVM runs guests, else why it does not; boots ``kernel`` once to find out, within a short time."""
    if reason := kvm_device():
        return reason
    with FileLock(f"{_memory()}.lock"):
        verdict = remembered_verdict()
        if verdict is None:
            verdict = _probe(kernel)
            _memory().write_text(json.dumps({"verdict": verdict}), encoding="utf-8")
    return verdict


def _probe(kernel: Path) -> str:
    folder = temporary_folder("probe")
    initrd = folder / "initrd"
    memory = os.memfd_create("probe")
    try:
        initrd.write_bytes(_probe_image())
        machine = Machine(kernel, initrd, accelerator="kvm", memory_mb=256)
        os.truncate(memory, machine.memory_mb << 20)
        return _watch(machine, memory)
    except TargetError as problem:
        return (problem.console.splitlines() or [problem.message])[-1]
    finally:
        os.close(memory)
        shutil.rmtree(folder, ignore_errors=True)


def _watch(machine: Machine, memory: int) -> str:
    guest = Qemu(machine, memory)
    try:
        deadline = time.monotonic() + PROBE_LIMIT_S
        while time.monotonic() < deadline:
            if _WORD in guest.console():
                return ""
            if guest.ended():
                return "a guest did not boot under KVM: QEMU gave up"
            time.sleep(0.05)
        return f"a guest under KVM said nothing within {PROBE_LIMIT_S:g} s"
    finally:
        guest.close()


def _probe_image() -> bytes:
    """An initramfs that says a word and switches off."""
    shell = busybox()
    if shell is None:
        raise TargetError("probe kvm", "busybox is not installed", hint="install the package busybox-static")
    out = io.BytesIO()
    with CpioWriter(out) as archive:
        archive.folder("/dev")
        archive.device("/dev/console", 5, 1)
        archive.file("/bin/sh", Path(shell).read_bytes(), 0o755)
        archive.file("/init", f"#!/bin/sh\necho {_WORD}\npoweroff -f\n".encode(), 0o755)
    return out.getvalue()


def _memory() -> Path:
    words = "\n".join((platform.release(), qemu_version(), host_cpu()))
    return cache_folder("kvm") / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}.json"
