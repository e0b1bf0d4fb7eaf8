# SPDX-License-Identifier: Apache-2.0
"""A machine that Vagrant looks after as a target: brought up once, kept as a snapshot, reached over ssh."""

from __future__ import annotations

import enum
import shutil
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import HarnessError
from harness.targets.base import OnStep, Target, TargetError
from harness.targets.ssh import Place, SshTarget
from harness.targets.vagrant_machine import SNAPSHOT, VagrantMachine, machine_folder

_UP_LIMIT_S = 1800.0  # the box may have to be downloaded
_STEP_LIMIT_S = 300.0
#: How long to wait for another run that uses the machine.
_TURN_LIMIT_S = 900.0


class After(enum.Enum):
    """What becomes of the machine after a run."""

    HALT = "halt"
    DESTROY = "destroy"
    KEEP = "keep"

    @classmethod
    def read(cls, word: str) -> After:
        """The one called ``word``, ``halt`` for "". Raises :class:`HarnessError`."""
        try:
            return cls(word or "halt")
        except ValueError:
            words = ", ".join(one.value for one in cls)
            hint = f"write vagrant:WAY with one of {words}"
            raise HarnessError(f"a machine cannot be left in the way {word!r}", hint=hint) from None


class VagrantTarget(Target):
    """Up or restore, run over ssh, save a snapshot the first time, then halt, destroy or keep."""

    def __init__(self, after: After = After.HALT, *, say: OnStep = lambda _line: None) -> None:
        super().__init__("vagrant")
        self._after = after
        self._say = say
        self._lock = FileLock(machine_folder() / "lock")
        self._machine: VagrantMachine | None = None
        self._ssh: SshTarget | None = None

    def start(self) -> None:
        """Have the machine up, from its snapshot where there is one, and be logged in."""
        if shutil.which("vagrant") is None:
            raise TargetError("start", "vagrant is not installed", hint="make vagrant-tools")
        try:
            self._lock.acquire(timeout=_TURN_LIMIT_S)
        except Timeout as problem:
            raise TargetError("start", "another run keeps the Vagrant machine busy") from problem
        with self.timed("libvirt"):
            self._machine = VagrantMachine(self._say)
        if self._after is After.KEEP and self._machine.is_private:
            raise TargetError(
                "start",
                "a machine in a libvirt of the run's own cannot be kept running",
                hint="start libvirtd, or leave it at vagrant:halt: its snapshot is kept",
            )
        if not self._restored(self._machine):
            self._brought_up(self._machine)

    def put(self, job: Path) -> None:
        """Send the job over ssh."""
        self._logged_in("put").put(job)

    def run(self, *, time_limit_s: float, on_step: OnStep) -> int:
        """Run the agent over ssh."""
        return self._logged_in("run").run(time_limit_s=time_limit_s, on_step=on_step)

    def get(self, out: Path) -> None:
        """Unpack the results."""
        self._logged_in("get").get(out)

    def stop(self) -> None:
        """Hang up, then do with the machine what was asked for."""
        if self._ssh is not None:
            self._ssh.stop()
            self._ssh = None
        if self._machine is not None:
            machine, self._machine = self._machine, None
            try:
                if self._after is After.DESTROY:
                    machine.destroy()
                elif self._after is After.HALT and not machine.is_private:
                    machine.vagrant("halt", "--force", step="halt", limit_s=_STEP_LIMIT_S)
            finally:
                machine.close()
        self._lock.release()

    def about(self) -> dict[str, Any]:
        """The machine's kernel, and what it runs on."""
        if self._ssh is None or self._machine is None:
            return {"target": "vagrant"}
        return {**self._ssh.about(), "target": "vagrant", **self._machine.about()}

    def _restored(self, machine: VagrantMachine) -> bool:
        """Go on from the snapshot; ``False`` where there is none, or none that works (which is then destroyed)."""
        if not machine.has_snapshot:
            return False
        try:
            with self.timed("restore"):
                machine.vagrant(
                    "snapshot", "restore", SNAPSHOT, "--no-provision", step="restore", limit_s=_STEP_LIMIT_S
                )
            self._log_in(machine)
        except TargetError as problem:
            self._say(f"the snapshot does not work ({problem.message}); making it anew")
            if self._ssh is not None:
                self._ssh.stop()
                self._ssh = None
            machine.destroy()
            return False
        return True

    def _brought_up(self, machine: VagrantMachine) -> None:
        try:
            with self.timed("up"):
                machine.vagrant("up", step="up", limit_s=_UP_LIMIT_S)
            machine.keep_ssh_config(_STEP_LIMIT_S)
            with self.timed("snapshot"):
                machine.save_snapshot(_STEP_LIMIT_S)
        except BaseException:
            machine.destroy()
            raise
        self._log_in(machine)

    def _log_in(self, machine: VagrantMachine) -> None:
        self._ssh = SshTarget(Place("default"), config=machine.ssh_config, prefix=machine.prefix, attempts=10)
        with self.timed("login"):
            self._ssh.start()

    def _logged_in(self, step: str) -> SshTarget:
        if self._ssh is None:
            raise TargetError(step, "the machine is not up")
        return self._ssh
