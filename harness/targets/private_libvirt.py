# SPDX-License-Identifier: Apache-2.0
"""Whether a libvirt runs here, and one of our own in namespaces where none does (``vagrant/private-libvirt``)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.targets.base import TargetError
from harness.targets.process import dying_with_us, end

_URI = "qemu:///system"
_START_LIMIT_S = 60.0


def libvirt_answers() -> bool:
    """Whether this user reaches a running libvirtd."""
    if shutil.which("virsh") is None:
        return False
    try:
        done = subprocess.run(["virsh", "-q", "-c", _URI, "version"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def forget_domain(name: str, prefix: Sequence[str]) -> None:
    """Remove the machine called ``name`` with its disk and snapshots, if there is one; ``prefix`` as for commands."""
    if shutil.which("virsh") is None:
        return
    virsh = [*prefix, "virsh", "-q", "-c", _URI]
    for words in (["destroy", name], ["undefine", name, "--snapshots-metadata", "--remove-all-storage"]):
        with suppress(subprocess.TimeoutExpired):
            subprocess.run([*virsh, *words], capture_output=True, timeout=60, check=False)


def can_be_private() -> bool:
    """Whether a libvirt of our own can be started here."""
    return os.geteuid() == 0 and shutil.which("libvirtd") is not None


class PrivateLibvirt:
    """A libvirt in namespaces of its own, with its guests; all of it goes when this process does."""

    def __init__(self, script: Path, state: Path, errors: Path, *, kvm: bool) -> None:
        self._errors = errors
        # It lives until its standard input closes; then it stops its guests and goes.
        command = [str(script), str(state), "sh", "-c", "echo up; cat >/dev/null"]
        environment = {**os.environ, "HONEY_KVM": "1" if kvm else "0"}
        with errors.open("wb") as stream:
            self._process = subprocess.Popen(
                dying_with_us(command), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream
            )
        try:
            self._first = self._wait()
        except BaseException:
            self.close()
            raise

    @property
    def prefix(self) -> list[str]:
        """What goes before a command for it to run in there."""
        return ["nsenter", f"--target={self._first}", "--mount", "--net", "--pid", "--"]

    def close(self) -> None:
        """Stop the guests and libvirt."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            end(self._process)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _wait(self) -> int:
        """The number of the first process in there, once libvirt answers."""
        deadline = time.monotonic() + _START_LIMIT_S
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._process.stdout.read(16):
                children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
                return int(children.read_text(encoding="ascii").split()[0])
            time.sleep(0.02)
        raise TargetError("start libvirt", "libvirt did not start", console=self._errors.read_text(errors="replace"))
