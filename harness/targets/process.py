# SPDX-License-Identifier: Apache-2.0
"""Starting processes that never outlive the harness, not even when it is killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Sequence

from harness.targets.base import TargetError


def dying_with_us(command: Sequence[str], signal_name: str = "KILL") -> list[str]:
    """``command`` such that it gets the signal when the thread that starts it ends (``PR_SET_PDEATHSIG``).

    ``setpriv`` of util-linux does it, between fork and exec; it stays set across exec.
    """
    setpriv = shutil.which("setpriv") or shutil.which("setpriv", path="/usr/bin:/bin")
    if setpriv is None:
        raise TargetError("start", "setpriv is not installed", hint="it is part of the package util-linux")
    return [setpriv, "--pdeathsig", signal_name, "--", *command]


def end(process: subprocess.Popen[bytes], *, patience_s: float = 5.0) -> None:
    """Ask ``process`` to stop, and kill it when it does not within ``patience_s``."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
