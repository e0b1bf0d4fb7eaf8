# SPDX-License-Identifier: Apache-2.0
"""Reads and writes that succeeded: bytes and number, per (process, operation) and per process; no latencies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from workloads.events import Event
from workloads.oracles import NO_CONTEXT, Contents, Context

_OPERATIONS: Final = ("read", "write", "pread64", "pwrite64", "readv", "writev")
_PREFIX: Final = "syscalls/sys_enter_"


class IoKey(NamedTuple):
    """The key of ``io_by_operation``."""

    pid: int
    operation: int


def predict(events: Iterable[Event], context: Context = NO_CONTEXT) -> Contents:
    """What the maps hold after ``events``. There is room for all processes."""
    del context
    by_operation: dict[IoKey, dict[str, int]] = {}
    by_pid: dict[int, dict[str, int]] = {}
    for event in events:
        name = event.hook.removeprefix(_PREFIX)
        if name not in _OPERATIONS or event.ret is None or event.ret < 0:
            continue
        for stats in (
            by_operation.setdefault(IoKey(event.pid, _OPERATIONS.index(name)), {"bytes": 0, "operations": 0}),
            by_pid.setdefault(event.pid, {"bytes": 0, "operations": 0}),
        ):
            stats["bytes"] += event.ret * event.count
            stats["operations"] += event.count
    return {"io_by_operation": by_operation, "io_by_pid": by_pid, "started": {}}
