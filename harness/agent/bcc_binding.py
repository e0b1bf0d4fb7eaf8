# SPDX-License-Identifier: Apache-2.0
"""bcc's Python binding, where it is installed: attaching to tracepoints and batched map reads.

Debian and Ubuntu have it as ``python3-bpfcc``. Only the low-level functions of ``bcc.libbcc`` are used: programs come
from libbpf, and contents stay bytes until the host decodes them through BTF.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Any

from harness.agent.bpf import Batch


class Bcc:
    """The binding; ``version`` is bcc's own."""

    def __init__(self, library: Any, version: str) -> None:
        self._library = library
        self.version = version

    def attach_tracepoint(self, program_fd: int, category: str, name: str) -> Callable[[], object]:
        """Attach the program to ``category:name``; gives what detaches it. ``OSError`` when that fails."""
        ctypes.set_errno(0)
        event: int = self._library.bpf_attach_tracepoint(program_fd, category.encode(), name.encode())
        if event < 0:
            code = ctypes.get_errno() or errno.EINVAL
            raise OSError(code, f"{os.strerror(code)} ({category}:{name})")
        return lambda: self._library.bpf_close_perf_event_fd(event)

    def lookup_batch(self, fd: int, batch: Batch) -> tuple[int, bool]:
        """As :func:`harness.agent.bpf.lookup_batch`."""
        number = ctypes.c_uint32(batch.count)
        pointer = ctypes.POINTER(ctypes.c_uint32)
        ctypes.set_errno(0)
        result = self._library.bpf_lookup_batch(
            fd,
            None if batch.at is None else ctypes.cast(batch.at, pointer),
            ctypes.cast(batch.following, pointer),
            batch.keys,
            batch.values,
            ctypes.byref(number),
        )
        if result >= 0:
            return number.value, False
        code = ctypes.get_errno() or errno.EINVAL
        if code != errno.ENOENT:
            raise OSError(code, os.strerror(code))
        return number.value, True


def find_bcc() -> Bcc | None:
    """The binding, or ``None`` where it is not installed, too old, or another package of that name."""
    try:
        import bcc
        from bcc import libbcc
    except (ImportError, OSError):
        return None
    library = getattr(libbcc, "lib", None)
    needed = ("bpf_attach_tracepoint", "bpf_close_perf_event_fd", "bpf_lookup_batch")
    if library is None or not all(hasattr(library, name) for name in needed):
        return None
    return Bcc(library, str(getattr(bcc, "__version__", "unknown")))
