# SPDX-License-Identifier: Apache-2.0
"""Ways to a kernel, behind one small interface: this machine's own, and virtual machines."""

from __future__ import annotations

from pathlib import Path

from harness.targets.base import OnStep, Target, TargetError, do_job

__all__ = ["DEFAULT", "TARGETS", "OnStep", "Target", "TargetError", "do_job", "open_target"]

#: What ``--target`` takes, with what it is.
TARGETS = {
    "vm": "a virtual machine (QEMU, with or without KVM; no root)",
    "local": "this machine's own kernel (root)",
}
DEFAULT = "vm"


def open_target(
    name: str,
    *,
    kernel: str | None = None,
    modules: Path | None = None,
    icount: bool = False,
    memory_mb: int = 1024,
    say: OnStep = lambda _line: None,
) -> Target:
    """The target called ``name``, not yet started.

    ``kernel`` is a name or path for ``vm`` (``modules``: the folder with its modules); ``icount`` makes the guest's
    nanoseconds a count of its instructions. ``say`` is told what takes time before the start, such as a download.
    """
    if name == "local":
        if kernel is not None or icount:
            raise TargetError("start", "the target local runs on the kernel it finds", hint="choose --target vm")
        from harness.targets.local import LocalTarget

        return LocalTarget()
    if name == "vm":
        from harness.kernels import DEFAULT as DEFAULT_KERNEL
        from harness.kernels import find_kernel
        from harness.targets.vm import VmTarget

        found = find_kernel(kernel or DEFAULT_KERNEL, modules=modules, say=say)
        return VmTarget(found, icount=icount, memory_mb=memory_mb)
    raise TargetError("start", f"there is no target {name!r}", hint=f"choose one of {', '.join(TARGETS)}")
