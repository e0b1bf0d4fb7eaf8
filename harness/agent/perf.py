# SPDX-License-Identifier: Apache-2.0
"""perf_event_open(2): hardware counters, and events of tracepoints to attach programs to.

Layouts and numbers are those of ``include/uapi/linux/perf_event.h``.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

_SYSCALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "s390x": 331, "ppc64le": 319}
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long

_HARDWARE, _TRACEPOINT = 0, 2
#: What is counted, as ``enum perf_hw_id``.
COUNTERS: Mapping[str, int] = {"instructions": 1, "cycles": 0, "cache_misses": 3}
#: ``struct perf_event_attr`` of its first published size: type, size, config, period, sample and read format, flags.
_ATTRIBUTES = struct.Struct("<IIQQQQQ24x")
_DISABLED, _PINNED, _NO_USER, _NO_HYPERVISOR = 1 << 0, 1 << 2, 1 << 4, 1 << 6
_ENABLE, _DISABLE, _SET_BPF = 0x2400, 0x2401, 0x40042408
_QUERY_BPF, _MOST_PROGRAMS = 0xC008240A, 64  # BPF_TRACE_MAX_PROGS
#: Where tracefs shows the tracepoints: mounted by itself, or below debugfs.
EVENTS = (Path("/sys/kernel/tracing/events"), Path("/sys/kernel/debug/tracing/events"))


class NoCounters(Exception):
    """There are none here; the text says why."""


def open_counters(release: ExitStack, *, pid: int, cpu: int, enabled: bool) -> list[int]:
    """A file descriptor for each of :data:`COUNTERS`; ``release`` closes them.

    They count what the CPU does in the kernel for ``pid`` (-1: for all) on ``cpu`` (-1: on all), and never take turns
    with others. Raises :class:`NoCounters`.
    """
    flags = _PINNED | _NO_USER | _NO_HYPERVISOR | (0 if enabled else _DISABLED)
    found = []
    for name, config in COUNTERS.items():
        try:
            fd = _open(_ATTRIBUTES.pack(_HARDWARE, _ATTRIBUTES.size, config, 0, 0, 0, flags), pid, cpu)
        except OSError as problem:
            words = f"{name.replace('_', ' ')}: {problem.strerror}"
            raise NoCounters(f"this machine offers no hardware counters ({words})") from problem
        release.callback(os.close, fd)
        found.append(fd)
    return found


def switch(counters: Sequence[int], *, on: bool) -> None:
    """Let the counters count, or stand still."""
    for fd in counters:
        fcntl.ioctl(fd, _ENABLE if on else _DISABLE, 0)


def read(counter: int) -> int:
    """What a counter stands at. Raises :class:`NoCounters` where another program has taken it away."""
    value = os.read(counter, 8)
    if len(value) < 8:
        raise NoCounters("the hardware counters are taken by another program")
    return int.from_bytes(value, "little")


def attach_tracepoint(program: int, category: str, name: str, release: ExitStack) -> int:
    """Attach ``program`` to a tracepoint, behind those that are there; ``release`` detaches it. ``OSError`` if not.

    Gives the event's file descriptor.
    """
    folder = next((one for one in EVENTS if (one / category / name / "id").is_file()), None)
    if folder is None:
        raise OSError(errno.ENOENT, f"{os.strerror(errno.ENOENT)} ({category}:{name})")
    number = int((folder / category / name / "id").read_text(encoding="ascii"))
    fd = _open(_ATTRIBUTES.pack(_TRACEPOINT, _ATTRIBUTES.size, number, 0, 0, 0, 0), -1, 0)
    release.callback(os.close, fd)
    fcntl.ioctl(fd, _SET_BPF, program)
    fcntl.ioctl(fd, _ENABLE, 0)
    return fd


def attached(event: int) -> tuple[int, ...]:
    """The numbers of the programs on the tracepoint of ``event``, in the order in which they run."""
    query = bytearray(struct.pack("<II", _MOST_PROGRAMS, 0) + bytes(4 * _MOST_PROGRAMS))
    fcntl.ioctl(event, _QUERY_BPF, query)
    _, count, *numbers = struct.unpack(f"<{2 + _MOST_PROGRAMS}I", query)
    return tuple(numbers[:count])


def _open(attributes: bytes, pid: int, cpu: int) -> int:
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"perf_event_open is not known on {platform.machine()}")
    fd = int(_LIBC.syscall(number, ctypes.create_string_buffer(attributes), pid, cpu, -1, 0))
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return fd
