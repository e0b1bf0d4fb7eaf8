# SPDX-License-Identifier: Apache-2.0
"""A virtual machine as a target: QEMU, any kernel image, no root, with or without KVM."""

from __future__ import annotations

import json
import struct
import time
import zlib
from functools import partial
from pathlib import Path
from typing import Any

from harness.kernels import Kernel
from harness.targets.accelerator import accelerator as find_accelerator
from harness.targets.base import OnStep, Target, TargetError
from harness.targets.guest import frames
from harness.targets.image import guest_image, modules_archive
from harness.targets.pack import pack_folder, unpack_folder
from harness.targets.qemu import Machine, Qemu, qemu_version
from harness.targets.snapshot import forget, restore, snapshot_of

_BOOT_LIMIT_S = 120.0
_MEMORY_MB = 1024
_TRANSFER_LIMIT_S = 60.0


class VmTarget(Target):
    """A guest that goes on from a snapshot of itself, made on first use."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        accelerator: str | None = None,
        icount: bool = False,
    ) -> None:
        super().__init__("vm")
        self._kernel = kernel
        self._accelerator = "tcg" if icount else accelerator
        self._icount = icount
        self._guest: Qemu | None = None
        self._booting: Qemu | None = None
        self._window = 0
        self._results: bytes | None = None

    def start(self) -> None:
        """Have the guest wait for its job; a snapshot that does not work is made anew, once."""
        with self.timed("image"):
            image = guest_image()
        if self._accelerator is None:
            with self.timed("probe"):
                self._accelerator = find_accelerator(self._kernel.boot)
        modules = modules_archive(self._kernel.module_data())
        machine = Machine(
            self._kernel.boot, image.path, accelerator=self._accelerator, memory_mb=_MEMORY_MB, icount=self._icount
        )
        snapshot_now = partial(
            snapshot_of, machine, image.key, modules, boot_limit_s=_BOOT_LIMIT_S, booting=self._boots
        )
        with self.timed("boot"):
            snapshot, made = snapshot_now()
        with self.timed("restore"):
            try:
                self._guest = restore(machine, snapshot)
            except TargetError:
                forget(snapshot)
                if made:
                    raise
        if self._guest is None:
            snapshot, _ = snapshot_now()
            self._guest = restore(machine, snapshot)
        self._window = snapshot.window()

    def put(self, job: Path) -> None:
        """Hand over the job folder: through shared memory where the guest can, else over the line."""
        guest = self._running("put")
        archive = pack_folder(job)
        if len(archive) <= self._window:
            guest.send(frames.JOB_HERE, guest.window.put(archive), step="put", limit_s=_TRANSFER_LIMIT_S)
        else:
            guest.send(frames.JOB, zlib.compress(archive, 9), step="put", limit_s=_TRANSFER_LIMIT_S)

    def run(self, *, time_limit_s: float, on_step: OnStep) -> int:
        """Have the guest run the job and follow its progress."""
        guest = self._running("run")
        deadline = time.monotonic() + time_limit_s
        guest.send(frames.GO, json.dumps({"time": time.time()}).encode(), step="run", limit_s=_TRANSFER_LIMIT_S)
        last = "the agent starts"
        said: list[str] = []
        while True:
            kind, payload = guest.receive(step=f"run ({last})", deadline=deadline)
            if kind == frames.STEP:
                line = payload.decode(errors="replace")
                said.append(line)
                if line.startswith("step "):
                    last = line.removeprefix("step ")
                    on_step(last)
            elif kind in {frames.DONE, frames.DONE_HERE}:
                (status,) = struct.unpack(">i", payload[:4])
                if status not in {0, 1}:
                    raise TargetError("run", f"the agent ended with status {status}", console="\n".join(said))
                self._results = self._taken(guest, kind, payload[4:])
                return int(status)

    def get(self, out: Path) -> None:
        """Unpack what came with the end of the run."""
        if self._results is None:
            raise TargetError("get", "nothing was run")
        unpack_folder(self._results, out)

    def stop(self) -> None:
        """Switch the guest off; its snapshot stays as it was, and one that is being made is given up."""
        for guest in (self._booting, self._guest):
            if guest is not None:
                guest.close()
        self._booting = self._guest = None

    def about(self) -> dict[str, Any]:
        """What figures from here depend on."""
        return {
            "target": "vm",
            "accelerator": "tcg, instruction-counting" if self._icount else self._accelerator,
            "kernel": self._kernel.release,
            "qemu": qemu_version(),
            "memory_mb": _MEMORY_MB,
            "cpus": 1,
        }

    def _boots(self, guest: Qemu) -> None:
        self._booting = guest

    @staticmethod
    def _taken(guest: Qemu, kind: bytes, payload: bytes) -> bytes:
        if kind == frames.DONE:
            return zlib.decompress(payload)
        try:
            return guest.window.take(payload)
        except frames.BrokenFrame as problem:
            raise guest.lost("get", str(problem)) from problem

    def _running(self, step: str) -> Qemu:
        if self._guest is None:
            raise TargetError(step, "the guest is not running")
        return self._guest
