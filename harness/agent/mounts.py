# SPDX-License-Identifier: Apache-2.0
"""The kernel file systems that attaching and pinning need, mounted where missing and given back.

Several agents may run at once: each holds a shared lock, and the last one unmounts what any of them mounted. Mounts of
ours carry a source of their own, by which they are told.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.agent.errors import AgentError

#: The source that our mounts show in /proc/mounts.
SOURCE = "honey-agent"
#: Held by every agent that runs, shared.
LOCK = Path("/run/honey-agent.lock")
_LIBC = ctypes.CDLL(None, use_errno=True)
_MNT_DETACH = 2
#: Folder, file system, and a file by which to see that it is there already. bcc attaches through debugfs' ``tracing``.
NEEDED = (
    ("/sys/kernel/tracing", "tracefs", "events"),
    ("/sys/kernel/debug", "debugfs", "tracing"),
    ("/sys/fs/bpf", "bpf", ""),
)


@contextmanager
def kernel_file_systems() -> Iterator[None]:
    """tracefs, debugfs and bpffs, where the kernel has them; what was mounted here is unmounted at the end."""
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        for folder, kind, witness in NEEDED:
            if not is_there(folder, kind, witness) and Path(folder).is_dir():
                _mount(folder, kind)
        yield
    finally:
        give_back(lock)
        os.close(lock)


def give_back(lock: int) -> bool:
    """Unmount what agents mounted, unless another agent still runs; ``lock`` is the lock file, open. Says if it did."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    for folder in ours():
        # Lazily: a file that somebody still has open in it does not keep it in the tree.
        _LIBC.umount2(folder.encode(), _MNT_DETACH)
    return True


def ours() -> list[str]:
    """The folders on which an agent mounted something, innermost first."""
    return [fields[1] for fields in reversed(_mounts()) if fields[0] == SOURCE]


def is_there(folder: str, kind: str, witness: str = "") -> bool:
    """Whether ``kind`` is mounted on ``folder`` (or the witness file shows that its contents are)."""
    if witness and os.path.exists(os.path.join(folder, witness)):
        return True
    return any(fields[1:3] == [folder, kind] for fields in _mounts())


def _mount(folder: str, kind: str) -> None:
    """Mount; nothing happens where this kernel lacks the file system."""
    if _LIBC.mount(SOURCE.encode(), folder.encode(), kind.encode(), 0, None) != 0:
        code = ctypes.get_errno()
        if code in {1, 13}:
            raise AgentError("mount", f"{kind} on {folder}: {os.strerror(code)} (root is needed)")


def _mounts() -> list[list[str]]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [fields for line in lines if len(fields := line.split()) > 2]
