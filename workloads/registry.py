# SPDX-License-Identifier: Apache-2.0
"""The workloads by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from workloads.base import Workload, WorkloadError

#: Where each one lives; imported when asked for, so that none costs the others' start-up.
_MODULES = {
    "files": "workloads.drivers.files",
    "kills": "workloads.drivers.kills",
    "mappings": "workloads.drivers.mappings",
    "network": "workloads.drivers.network",
    "numbers": "workloads.drivers.numbers",
    "packets": "workloads.drivers.packets",
    "programs": "workloads.drivers.programs",
    "slices": "workloads.drivers.slices",
    "udp": "workloads.drivers.udp",
    "writes": "workloads.drivers.writes",
}


def names() -> tuple[str, ...]:
    """All workloads, in alphabetical order."""
    return tuple(sorted(_MODULES))


def get(name: str) -> Workload[Any]:
    """The workload called ``name``. Raises :class:`WorkloadError` if there is none."""
    if name not in _MODULES:
        raise WorkloadError(f"there is no workload {name!r}; there are: {', '.join(names())}")
    workload: Workload[Any] = import_module(_MODULES[name]).WORKLOAD
    return workload
