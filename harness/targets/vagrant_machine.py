# SPDX-License-Identifier: Apache-2.0
"""The Vagrant machine itself: its files in the cache folder, the libvirt it lives in, and the ``vagrant`` command.

Everything is below ``vagrant/`` in the cache folder: ``honey-parity.box`` (where ``vagrant/build-box`` made one),
``home`` (``VAGRANT_HOME``: boxes), ``machine`` (Vagrant's state, how to log in), ``libvirt`` (disks and snapshots,
where libvirt is of our own).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.cache import cache_folder
from harness.errors import HarnessError
from harness.kernels import DEFAULT, find_kernel
from harness.targets.accelerator import kvm_device, kvm_verdict, remembered_verdict
from harness.targets.base import OnStep, TargetError
from harness.targets.private_libvirt import PrivateLibvirt, can_be_private, forget_domain, libvirt_answers
from harness.targets.process import dying_with_us, end

#: The snapshot that runs go on from: up, provisioned, idle.
SNAPSHOT = "ready"
#: Its name in libvirt, as the Vagrantfile gives it.
DOMAIN = "honey-parity-default"
_PROVIDER = "VAGRANT_DEFAULT_PROVIDER"


def machine_folder() -> Path:
    """Where everything is kept."""
    return cache_folder("vagrant")


def files_folder() -> Path:
    """The checkout's ``vagrant`` folder."""
    return Path(__file__).resolve().parents[2] / "vagrant"


def kvm_usable(say: OnStep) -> bool:
    """Whether guests run under KVM here; ``HONEY_KVM`` (0 or 1) has the last word. Unknown counts as no."""
    if os.environ.get("HONEY_KVM") in {"0", "1"}:
        return os.environ["HONEY_KVM"] == "1"
    if kvm_device():
        return False
    verdict = remembered_verdict()
    if verdict is None:
        try:
            verdict = kvm_verdict(find_kernel(DEFAULT, say=say).boot)
        except HarnessError as problem:
            verdict = problem.message
    return verdict == ""


def chosen_box() -> str:
    """``HONEY_BOX``, else the box made by ``vagrant/build-box``, else "" for the Vagrantfile's own."""
    own = machine_folder() / "honey-parity.box"
    return os.environ.get("HONEY_BOX") or (str(own) if own.is_file() else "")


class VagrantMachine:
    """The one machine; not yet up. What was made for another box or in another way is destroyed first."""

    def __init__(self, say: OnStep) -> None:
        self._say = say
        self._folder = machine_folder()
        self._state = self._folder / "machine"
        self._log = self._folder / "vagrant.log"
        self._kvm = kvm_usable(say)
        self._box = chosen_box()
        self._libvirt: PrivateLibvirt | None = None
        provider = os.environ.get(_PROVIDER, "")
        free = provider == "libvirt" or (not provider and shutil.which("VBoxManage") is None)
        if free and can_be_private() and not libvirt_answers():
            errors = self._folder / "libvirt.log"
            self._libvirt = PrivateLibvirt(
                files_folder() / "private-libvirt", self._folder / "libvirt", errors, kvm=self._kvm
            )
        try:
            if self._known().get("key") != self._key():
                self.destroy()
        except BaseException:
            self.close()
            raise

    @property
    def is_private(self) -> bool:
        """Whether libvirt is the run's own, and so ends with it."""
        return self._libvirt is not None

    @property
    def prefix(self) -> list[str]:
        """What goes before commands that must reach the machine."""
        return self._libvirt.prefix if self._libvirt is not None else []

    @property
    def has_snapshot(self) -> bool:
        """Whether a snapshot was saved."""
        return bool(self._known().get("snapshot")) and self.ssh_config.is_file()

    @property
    def ssh_config(self) -> Path:
        """How to log in, as the machine was reached when it was new: its snapshot keeps its address."""
        return self._state / "ssh-config"

    def about(self) -> dict[str, Any]:
        """What figures depend on."""
        box = "made by vagrant/build-box" if self._box.endswith(".box") else self._box or "the Vagrantfile's"
        return {"accelerator": "kvm" if self._kvm else "tcg", "box": box}

    def vagrant(self, *words: str, step: str, limit_s: float) -> str:
        """Run ``vagrant``; gives what it printed, or raises :class:`TargetError` with it."""
        self._state.mkdir(parents=True, exist_ok=True)
        command = dying_with_us([*self.prefix, "vagrant", *words], "TERM")
        with self._log.open("wb") as stream:
            process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            status = self._watched(process, step, time.monotonic() + limit_s)
        finally:
            end(process)
        said = self._log.read_text(encoding="utf-8", errors="replace")
        if status is None:
            raise TargetError(step, f"vagrant {words[0]} did not end within {limit_s:g} s", console=said)
        if status != 0:
            raise TargetError(step, f"vagrant {words[0]} ended with status {status}", console=said)
        return said

    def keep_ssh_config(self, limit_s: float) -> None:
        """Ask Vagrant how to log in, and keep the answer."""
        said = self.vagrant("ssh-config", step="ssh-config", limit_s=limit_s)
        lines = said.splitlines()
        first = next((number for number, line in enumerate(lines) if line.startswith("Host ")), None)
        if first is None:
            raise TargetError("ssh-config", "vagrant does not say how to log in", console=said)
        self.ssh_config.write_text("\n".join(lines[first:]) + "\n", encoding="utf-8")

    def save_snapshot(self, limit_s: float) -> None:
        """Keep the machine as it is now for later runs."""
        self.vagrant("snapshot", "save", SNAPSHOT, step="snapshot", limit_s=limit_s)
        document = json.dumps({"key": self._key(), "snapshot": True})
        (self._state / "known.json").write_text(document, encoding="utf-8")

    def destroy(self) -> None:
        """Remove the machine, its snapshot and its state; downloaded and built boxes stay."""
        if (self._state / "dotfile").is_dir():
            with suppress(TargetError):
                self.vagrant("destroy", "--force", step="destroy", limit_s=300)
        # Vagrant knows a machine by its state only; where that was lost, libvirt still has the machine under its name.
        forget_domain(DOMAIN, self.prefix)
        shutil.rmtree(self._state, ignore_errors=True)

    def close(self) -> None:
        """Give back the libvirt of our own, with what runs in it."""
        if self._libvirt is not None:
            self._libvirt.close()
            self._libvirt = None

    def _watched(self, process: subprocess.Popen[bytes], step: str, deadline: float) -> int | None:
        """Wait for it and pass its last line on; ``None`` when the deadline passed."""
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
            self._say(f"{step}: {last}")
        return process.poll()

    def _environment(self) -> dict[str, str]:
        own = {
            "VAGRANT_CWD": str(files_folder()),  # entering a namespace changes the working folder
            "VAGRANT_HOME": str(self._folder / "home"),
            "VAGRANT_DOTFILE_PATH": str(self._state / "dotfile"),
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "VAGRANT_NO_COLOR": "1",
            "HONEY_BOX": self._box,
            "HONEY_KVM": "1" if self._kvm else "0",
        }
        return {**os.environ, **own, **({_PROVIDER: "libvirt"} if self.is_private else {})}

    def _key(self) -> str:
        """What the machine depends on."""
        box = Path(self._box)
        stamp = [box.stat().st_size, box.stat().st_mtime_ns] if self._box.endswith(".box") and box.is_file() else []
        files = [(files_folder() / name).read_text(encoding="utf-8") for name in ("Vagrantfile", "provision")]
        parts = [self._box, stamp, self._kvm, self.is_private, os.environ.get("HONEY_MEMORY"), files]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _known(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((self._state / "known.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document
