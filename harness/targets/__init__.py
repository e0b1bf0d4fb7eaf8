# SPDX-License-Identifier: Apache-2.0
"""Ways to a kernel, behind one small interface: this machine's own, virtual machines, and machines over ssh."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError
from harness.targets.base import OnStep, Target, TargetError, do_job

__all__ = ["DEFAULT", "TARGETS", "OnStep", "Target", "TargetError", "check_address", "do_job", "open_target"]

#: What ``--target`` takes, with what it is.
TARGETS = {
    "vm": "a virtual machine (QEMU, with or without KVM; no root)",
    "local": "this machine's own kernel (root)",
    "ssh": "ssh:[USER@]HOST[:PORT], any machine with root and python3",
    "vagrant": "a machine with kernel 5.15 that Vagrant looks after (vagrant[:halt|destroy|keep])",
}
DEFAULT = "vm"


def check_address(name: str) -> None:
    """Look at what follows the colon in the name of a target (``ssh:HOST``), without starting anything.

    Raises :class:`HarnessError` where it is nothing that the target takes.
    """
    kind, colon, rest = name.partition(":")
    if kind == "ssh":
        from harness.targets.ssh import Place

        Place.read(rest)
    elif kind == "vagrant":
        from harness.targets.vagrant import After

        After.read(rest)
    elif colon:
        raise HarnessError(f"the target {kind} takes nothing after a colon", hint=f"write --target {kind}")


def open_target(
    name: str,
    *,
    kernel: str | None = None,
    modules: Path | None = None,
    icount: bool = False,
    say: OnStep = lambda _line: None,
) -> Target:
    """The target called ``name``, not yet started.

    ``kernel`` is a name or path for ``vm`` (``modules``: the folder with its modules); ``icount`` makes the guest's
    nanoseconds a count of its instructions. ``say`` is told what takes time before the start, such as a download.
    """
    kind, _, rest = name.partition(":")
    if kind in {"local", "ssh", "vagrant"} and (kernel is not None or icount):
        raise TargetError("start", f"the target {kind} runs on the kernel it finds", hint="choose --target vm")
    if kind == "ssh":
        from harness.targets.ssh import Place, SshTarget

        return SshTarget(Place.read(rest))
    if kind == "vagrant":
        from harness.targets.vagrant import After, VagrantTarget

        return VagrantTarget(After.read(rest), say=say)
    if name == "local":
        from harness.targets.local import LocalTarget

        return LocalTarget()
    if name == "vm":
        from harness.kernels import DEFAULT as DEFAULT_KERNEL
        from harness.kernels import find_kernel
        from harness.targets.vm import VmTarget

        found = find_kernel(kernel or DEFAULT_KERNEL, modules=modules, say=say)
        return VmTarget(found, icount=icount)
    raise TargetError("start", f"there is no target {name!r}", hint=f"choose one of {', '.join(TARGETS)}")
