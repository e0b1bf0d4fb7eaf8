# SPDX-License-Identifier: Apache-2.0
"""What runs on a machine reached over ssh: takes the job, runs the agent, hands back the results, removes everything.

It reads frames from standard input and writes frames to standard output, so that one connection carries all of a run.
Its life hangs on that connection: when standard input closes, or nothing came for too long while the agent runs, it
stops the agent and removes its folder. It is sent over as text (see ``harness.targets.connection``), so it needs
nothing but the standard library of Python 3.8 and the frames of ``harness.targets.guest``.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import platform
import select
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path
from types import FrameType

from harness.targets.guest import frames

#: To the keeper: a sign of life (no payload). From it: a step that failed (payload: JSON with ``step``, ``message``).
ALIVE, FAILED = b"A", b"E"
#: Without a sign of life for so long (s) the other side is taken for lost: while the agent runs, and while it waits.
SILENCE_LIMIT_S, IDLE_LIMIT_S = 60.0, 1800.0
#: What an agent gets to give everything back before it is killed.
PATIENCE_S = 10.0
#: As in ``harness.targets.temporary``, so that a run of the doctor on that machine knows what it is.
FOLDER = "honey-run-{pid}-ssh-"
_PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """A step that failed."""

    def __init__(self, step: str, message: str) -> None:
        self.step = step
        super().__init__(message)


def main() -> None:
    """Serve until the connection ends; everything is given back whatever happens."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        folder = Path(tempfile.mkdtemp(prefix=FOLDER.format(pid=os.getpid())))
    except OSError as problem:
        _send(FAILED, _words("start", f"no temporary folder there: {problem}"))
        return
    try:
        _send(frames.READY, json.dumps(_about()).encode())
        _serve(folder)
    except (EOFError, BrokenPipeError, frames.BrokenFrame):
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(folder: Path) -> None:
    while True:
        kind, payload = frames.read(lambda length: _read(length, IDLE_LIMIT_S))
        try:
            if kind == frames.JOB:
                _unpack(zlib.decompress(payload), folder / "job")
                _send(ALIVE)
            elif kind == frames.GO:
                status = _run(folder, float(json.loads(payload)["limit_s"]))
                _send(frames.DONE, struct.pack(">i", status) + zlib.compress(_packed(folder / "out"), 1))
        except Failed as problem:
            _send(FAILED, _words(problem.step, str(problem)))


def _run(folder: Path, limit_s: float) -> int:
    """Run the agent and pass its lines on; gives its exit status, negative for a signal."""
    process = subprocess.Popen(
        [sys.executable or "python3", "-m", "harness.agent", str(folder / "job"), str(folder / "out")],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(folder / "job"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 (this process has one thread)
    )
    try:
        _follow(process, time.monotonic() + limit_s, limit_s)
        return process.wait()
    finally:
        _end(process)


def _follow(process: subprocess.Popen[bytes], deadline: float, limit_s: float) -> None:
    """Send the agent's lines as they come, until it has ended; watch the connection meanwhile."""
    assert process.stderr is not None
    said = process.stderr.fileno()
    rest, heard = b"", time.monotonic()
    while True:
        ready = select.select([0, said], [], [], 0.5)[0]
        now = time.monotonic()
        if 0 in ready:
            frames.read(lambda length: _read(length, SILENCE_LIMIT_S))
            heard = now
        if said in ready:
            chunk = os.read(said, 1 << 16)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                _send(frames.STEP, line)
            if not chunk:
                break
        elif process.poll() is not None:
            break
        if now - heard > SILENCE_LIMIT_S:
            raise EOFError("no sign of life")
        if now > deadline:
            raise Failed("run", f"the agent did not end within {limit_s:g} s")
    if rest:
        _send(frames.STEP, rest)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the agent to stop, then kill it with all it started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _unpack(archived: bytes, folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
            archive.extractall(folder)
    except OSError as problem:
        raise Failed("put", f"the job cannot be written there: {problem.strerror or problem}") from problem


def _packed(folder: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        if folder.is_dir():
            archive.add(str(folder), arcname=".")
    return out.getvalue()


def _about() -> dict[str, object]:
    uname = os.uname()
    return {"release": uname.release, "machine": uname.machine, "cpus": os.cpu_count(), "python": _python()}


def _python() -> str:
    return platform.python_version()


def _words(step: str, message: str) -> bytes:
    return json.dumps({"step": step, "message": message}).encode()


def _read(length: int, limit_s: float) -> bytes:
    if not select.select([0], [], [], limit_s)[0]:
        raise EOFError("no sign of life")
    return os.read(0, min(length, 1 << 20))


def _send(kind: bytes, payload: bytes = b"") -> None:
    view = memoryview(frames.pack(kind, payload))
    while view:
        view = view[os.write(1, view) :]


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    main()
