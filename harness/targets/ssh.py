# SPDX-License-Identifier: Apache-2.0
"""Any machine that can be reached with ssh as a target: it needs root (or ``sudo -n``), python3 and libbpf."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.targets.base import OnStep, Target, TargetError
from harness.targets.connection import Connection
from harness.targets.guest import frames
from harness.targets.keeper import PATIENCE_S
from harness.targets.pack import pack_folder, unpack_folder
from harness.targets.temporary import temporary_folder

#: An ssh configuration file to use instead of the user's own.
CONFIG_VARIABLE = "HONEY_SSH_CONFIG"
_CONNECT_LIMIT_S = 20
_START_LIMIT_S = 60.0
_TRANSFER_LIMIT_S = 120.0
_PLACE = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^@:\s\[\]]+))(?::(?P<port>\d+))?")
#: What a machine says that will be there in a moment.
_NOT_YET = re.compile(
    "Connection refused|Connection reset|Connection timed out|Connection closed|No route to host|kex_exchange_ident",
    re.I,
)
_HINTS = {
    "Host key verification failed": "connect once by hand, to look at the host's key and accept it",
    "Permission denied": "ssh must get in without a password: ssh-copy-id, or an agent with the key",
    "a password is required": "log in as root, or let the user run sudo without a password",
    "no sudo there": "log in as root",
    "python3": "install python3 there",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where to log in. ``host`` may be a name of the ssh configuration; ``port`` 0 and ``user`` "" leave it to that."""

    host: str
    user: str = ""
    port: int = 0

    @classmethod
    def read(cls, text: str) -> Place:
        """``[USER@]HOST[:PORT]``, an IPv6 address in brackets. Raises :class:`HarnessError` for anything else."""
        match = _PLACE.fullmatch(text)
        port = int(match["port"] or 0) if match else 0
        if match is None or text.startswith("-") or port > 65535:
            raise HarnessError(f"{text!r} is no place to log in", hint="write ssh:[USER@]HOST[:PORT]")
        return cls(match["v6"] or match["host"], match["user"] or "", port)

    def arguments(self) -> list[str]:
        """For ssh."""
        return [
            *(["-l", self.user] if self.user else []),
            *(["-p", str(self.port)] if self.port else []),
            *("--", self.host),
        ]


class SshTarget(Target):
    """One ssh connection carries all of a run; what it leaves on the machine goes when the connection ends.

    ``config`` is an ssh configuration file (default: the user's own); ``prefix`` goes before ``ssh`` (to enter a
    namespace, say); ``attempts`` is how often a machine is called that is not up yet.
    """

    def __init__(
        self, place: Place, *, config: Path | None = None, prefix: Sequence[str] = (), attempts: int = 3
    ) -> None:
        super().__init__("ssh")
        self._place = place
        own = os.environ.get(CONFIG_VARIABLE)
        self._config = config or (Path(own) if own else None)
        self._prefix = prefix
        self._attempts = attempts
        self._folder: Path | None = None
        self._line: Connection | None = None
        self._machine: dict[str, Any] = {}
        self._said: list[str] = []
        self._results: bytes | None = None

    def start(self) -> None:
        """Log in and start the keeper there, as root."""
        if shutil.which("ssh") is None:
            raise TargetError("start", "ssh is not installed", hint="install the package openssh-client")
        self._folder = temporary_folder("ssh")
        for left in reversed(range(self._attempts)):
            self._line = Connection([*self._prefix, *self._command()], self._folder, self._place.host)
            try:
                _, payload = self._line.receive(step="start", deadline=time.monotonic() + _START_LIMIT_S)
            except TargetError as problem:
                if not left or not _NOT_YET.search(problem.console):
                    problem.hint = next((hint for words, hint in _HINTS.items() if words in problem.console), "")
                    raise
                self._line.close(1)
                time.sleep(1)
            else:
                self._machine = json.loads(payload)
                return

    def put(self, job: Path) -> None:
        """Send the job folder."""
        line = self._open("put")
        archive = zlib.compress(pack_folder(job), 6)
        line.send(frames.JOB, archive, step="put", limit_s=_TRANSFER_LIMIT_S)
        line.receive(step="put", deadline=time.monotonic() + _TRANSFER_LIMIT_S)

    def run(self, *, time_limit_s: float, on_step: OnStep) -> int:
        """Have the keeper run the agent, and follow its progress."""
        line = self._open("run")
        deadline = time.monotonic() + time_limit_s + PATIENCE_S + _TRANSFER_LIMIT_S
        order = json.dumps({"limit_s": time_limit_s}).encode()
        line.send(frames.GO, order, step="run", limit_s=_TRANSFER_LIMIT_S)
        last = "the agent starts"
        while True:
            kind, payload = line.receive(step=f"run ({last})", deadline=deadline, heartbeat=True)
            if kind == frames.STEP:
                words = payload.decode(errors="replace")
                self._said.append(words)
                if words.startswith("step "):
                    last = words.removeprefix("step ")
                    on_step(last)
            elif kind == frames.DONE:
                (status,) = struct.unpack(">i", payload[:4])
                if status not in {0, 1}:
                    ending = f"signal {-status}" if status < 0 else f"status {status}"
                    raise TargetError(f"run ({last})", f"the agent ended with {ending}", console="\n".join(self._said))
                self._results = payload[4:]
                return int(status)

    def get(self, out: Path) -> None:
        """Unpack what came with the end of the run."""
        if self._results is None:
            raise TargetError("get", "nothing was run")
        unpack_folder(zlib.decompress(self._results), out)
        if not (out / "result.json").is_file():
            raise TargetError("get", "the agent left no result.json behind", console="\n".join(self._said))

    def stop(self) -> None:
        """Hang up: the keeper stops what runs there and removes its folder; wait for it."""
        if self._line is not None:
            self._line.close(PATIENCE_S + 5)
            self._line = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def about(self) -> dict[str, Any]:
        """The machine as the keeper sees it; its name is nobody's business."""
        found = {"kernel": self._machine.get("release"), "cpus": self._machine.get("cpus")}
        return {"target": "ssh", "accelerator": None, **found}

    def _command(self) -> list[str]:
        options = ["BatchMode=yes", f"ConnectTimeout={_CONNECT_LIMIT_S}", "ServerAliveInterval=10"]
        options += ["ServerAliveCountMax=3", "ControlMaster=no", "ControlPath=none", "RequestTTY=no", "LogLevel=ERROR"]
        config = ["-F", str(self._config)] if self._config else []
        return ["ssh", *config, *(word for option in options for word in ("-o", option)), *self._place.arguments()]

    def _open(self, step: str) -> Connection:
        if self._line is None:
            raise TargetError(step, "the target was not started")
        return self._line
