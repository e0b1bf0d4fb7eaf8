# SPDX-License-Identifier: Apache-2.0
"""What a run that was killed may leave behind, and taking it away."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.agent import mounts, pins
from harness.checkout import find_checkout
from harness.errors import HarnessError
from harness.targets.temporary import abandoned, alive, owner


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that no run owns any more: ``kind`` is ``guest``, ``agent``, ``pin``, ``mount`` or ``folder``."""

    kind: str
    what: str
    pid: int = 0
    path: str = ""


def leftovers() -> list[Leftover]:
    """Everything there is, in the order in which it is best taken away."""
    return [*_guests(), *_agents(), *_pins(), *_mounts(), *_folders()]


def clean(found: list[Leftover]) -> list[str]:
    """Take ``found`` away; gives what could not be, in words."""
    return [problem for each in found if (problem := _taken_away(each))]


def _taken_away(each: Leftover) -> str:
    """ "" on success."""
    try:
        _take_away(each)
    except OSError as problem:
        return f"{each.what}: {problem.strerror or problem}"
    return ""


def _take_away(each: Leftover) -> None:
    if each.kind in {"guest", "agent"}:
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGKILL if each.kind == "guest" else signal.SIGTERM)
    elif each.kind == "mount":
        lock = os.open(mounts.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            mounts.give_back(lock)
        finally:
            os.close(lock)
    else:
        shutil.rmtree(each.path)


def _guests() -> Iterator[Leftover]:
    for pid, words in _processes():
        holder = owner(" ".join(words)) if words and "qemu" in words[0] else None
        if holder is not None and not alive(holder):
            yield Leftover("guest", f"a guest whose run is gone (process {pid})", pid=pid)


def _agents() -> Iterator[Leftover]:
    """An agent of the target ``local`` is a child of its run; without one it is adopted by another process."""
    for pid, words in _processes():
        if "harness.agent" in words and (holder := owner(" ".join(words))) is not None and not alive(holder):
            yield Leftover("agent", f"an agent whose run is gone (process {pid})", pid=pid)


def _pins() -> Iterator[Leftover]:
    with suppress(OSError):
        for path in sorted(pins.BPFFS.glob(f"{pins.PREFIX}*")):
            pid = path.name.removeprefix(pins.PREFIX)
            if pid.isdecimal() and not alive(int(pid)):
                yield Leftover("pin", f"pinned maps in {path}", path=str(path))


def _mounts() -> Iterator[Leftover]:
    if not any("harness.agent" in words for _, words in _processes()):
        for folder in mounts.ours():
            yield Leftover("mount", f"a mount on {folder}", path=folder)


def _folders() -> Iterator[Leftover]:
    for path in (*abandoned(), *_unfinished()):
        yield Leftover("folder", f"the folder {path}", path=str(path))


def _unfinished() -> list[Path]:
    """What runs that were killed had begun among the checkout's reports."""
    from harness.report.store import abandoned_runs  # slow to import, and only the doctor asks

    try:
        return abandoned_runs(find_checkout().reports)
    except HarnessError:  # not in a checkout
        return []


def _processes() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                yield int(entry.name), words
