# SPDX-License-Identifier: Apache-2.0
"""The kernel file systems that attaching and pinning need, mounted where missing and given back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.agent.errors import AgentError

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
    with ExitStack() as release:
        for folder, kind, witness in NEEDED:
            if not is_there(folder, kind, witness) and Path(folder).is_dir() and mount(kind, folder, kind):
                release.callback(unmount, folder)
        yield


def is_there(folder: str, kind: str, witness: str = "") -> bool:
    """Whether ``kind`` is mounted on ``folder`` (or the witness file shows that its contents are)."""
    if witness and os.path.exists(os.path.join(folder, witness)):
        return True
    return any(line.split()[1:3] == [folder, kind] for line in _mounts())


def mount(source: str, folder: str, kind: str) -> bool:
    """Mount; ``False`` where this kernel lacks the file system."""
    if _LIBC.mount(source.encode(), folder.encode(), kind.encode(), 0, None) == 0:
        return True
    code = ctypes.get_errno()
    if code in {1, 13}:
        raise AgentError("mount", f"{kind} on {folder}: {os.strerror(code)} (root is needed)")
    return False


def unmount(folder: str) -> None:
    """Unmount lazily: a file still open in it does not keep it in the tree."""
    _LIBC.umount2(folder.encode(), _MNT_DETACH)


def _mounts() -> list[str]:
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
