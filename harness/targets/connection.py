# SPDX-License-Identifier: Apache-2.0
"""A line to a keeper (``harness.targets.keeper``) through a command such as ``ssh HOST``: frames over its pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import subprocess
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

from harness.targets import keeper
from harness.targets.base import TargetError
from harness.targets.guest import frames
from harness.targets.process import dying_with_us, end

#: How often the keeper hears of us while it works.
_HEARTBEAT_S = 10.0
#: Makes the modules it was sent importable, runs the last one.
_UNPACK = """\
import base64,json,sys,types,zlib
sent=json.loads(zlib.decompress(base64.b64decode(sys.argv[1])))
package=types.ModuleType("harness.targets.guest")
package.frames=types.ModuleType("harness.targets.guest.frames")
sys.modules.update({"harness.targets.guest":package,"harness.targets.guest.frames":package.frames})
exec(compile(sent["frames"],"frames.py","exec"),package.frames.__dict__)
exec(compile(sent["keeper"],"keeper.py","exec"),{"__name__":"__main__"})
"""
#: Becomes root first, where it is not.
_LAUNCH = (
    'import os,shutil,sys;c=[sys.executable,"-c",*sys.argv[1:]];'
    'r=os.geteuid()==0;r or shutil.which("sudo") or sys.exit("not root, and no sudo there");'
    'os.execvp(c[0],c)if r else os.execvp("sudo",["sudo","-n",*c])'
)


def keeper_command() -> str:
    """The command, for a shell on the other machine, that starts a keeper there as root."""
    here = Path(__file__).parent
    sources = {
        "frames": (here / "guest" / "frames.py").read_text(encoding="utf-8"),
        "keeper": (here / "keeper.py").read_text(encoding="utf-8"),
    }
    packed = base64.b64encode(zlib.compress(json.dumps(sources).encode(), 9)).decode()
    unpack = base64.b64encode(_UNPACK.encode()).decode()
    # Quotes and newlines within quotes do not survive every shell: what is quoted here has neither.
    run = f'import base64;exec(base64.b64decode("{unpack}"))'
    return f"exec python3 -c {shlex.quote(_LAUNCH)} {shlex.quote(run)} {packed}"


class Connection:
    """A running command whose other end is a keeper.

    ``command`` reaches the machine and is given :func:`keeper_command` as its last argument; ``whose`` names it in
    messages. What the command says on standard error is kept in ``folder``.
    """

    def __init__(self, command: Sequence[str], folder: Path, whose: str) -> None:
        self._errors = folder / "errors"
        self._whose = whose
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                dying_with_us([*command, keeper_command()]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        os.set_blocking(self._in.fileno(), False)

    def send(self, kind: bytes, payload: bytes = b"", *, step: str, limit_s: float) -> None:
        """Send a frame; :class:`TargetError` when the machine does not take it within ``limit_s``."""
        view = memoryview(frames.pack(kind, payload))
        deadline = time.monotonic() + limit_s
        while view:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([], [self._in], [], left)[1]:
                raise self.lost(step, f"{self._whose} does not take data, the time limit of {limit_s:g} s is over")
            try:
                view = view[os.write(self._in.fileno(), view[: 1 << 16]) :]
            except OSError as problem:
                raise self.lost(step, self._ending()) from problem

    def receive(self, *, step: str, deadline: float, heartbeat: bool = False) -> tuple[bytes, bytes]:
        """The next frame; :class:`TargetError` with the keeper's own words, or when it is lost or silent."""

        def take(length: int) -> bytes:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if select.select([self._out], [], [], min(left, _HEARTBEAT_S))[0]:
                    return os.read(self._out.fileno(), min(length, 1 << 20))
                if heartbeat:
                    self.send(keeper.ALIVE, step=step, limit_s=_HEARTBEAT_S)

        try:
            kind, payload = frames.read(take)
        except TimeoutError as problem:
            raise self.lost(step, f"{self._whose} says nothing, the time limit is over") from problem
        except EOFError as problem:
            raise self.lost(step, self._ending()) from problem
        except frames.BrokenFrame as problem:
            raise self.lost(
                step, f"{self._whose}: {problem} (does a start-up file there print something?)"
            ) from problem
        if kind == keeper.FAILED:
            words = json.loads(payload)
            raise TargetError(words["step"], f"{self._whose}: {words['message']}", console=self.console())
        return kind, payload

    def lost(self, step: str, message: str) -> TargetError:
        """The error to raise, with what the command said."""
        return TargetError(step, message, console=self.console())

    def console(self) -> str:
        """What the command said on standard error."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def close(self, patience_s: float) -> None:
        """Close the line, which ends the keeper, and wait until it has cleaned up."""
        self._in.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            end(self._process)
        self._out.close()

    def _ending(self) -> str:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return f"{self._whose} closed the line"
        return f"the connection to {self._whose} ended (status {status})"
