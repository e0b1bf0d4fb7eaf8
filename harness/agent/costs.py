# SPDX-License-Identifier: Apache-2.0
"""Run-time statistics: how often each program ran and how long, counted by the kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.agent import bpf
from harness.agent.load import LoadedSide

_SYSCTL = Path("/proc/sys/kernel/bpf_stats_enabled")


@dataclass(frozen=True, slots=True)
class Run:
    """Nanoseconds and runs since loading; under an instruction-counting guest one nanosecond is one instruction."""

    run_time_ns: int
    run_cnt: int

    def __sub__(self, before: Run) -> Run:
        return Run(self.run_time_ns - before.run_time_ns, self.run_cnt - before.run_cnt)

    def document(self) -> dict[str, int]:
        """As it stands in ``result.json``."""
        return {"run_time_ns": self.run_time_ns, "run_cnt": self.run_cnt}


@contextmanager
def statistics() -> Iterator[None]:
    """Keep run-time statistics on; before kernel 5.8 through the sysctl, which is put back."""
    try:
        fd = bpf.enable_stats()
    except OSError:
        before = _SYSCTL.read_text(encoding="ascii")
        _SYSCTL.write_text("1", encoding="ascii")
        try:
            yield
        finally:
            _SYSCTL.write_text(before, encoding="ascii")
        return
    try:
        yield
    finally:
        os.close(fd)


def read_runs(side: LoadedSide) -> dict[str, Run]:
    """The counters of each program of ``side`` as they stand now."""
    infos = {name: bpf.program_info(program.fd()) for name, program in side.programs.items()}
    return {name: Run(info.run_time_ns, info.run_cnt) for name, info in infos.items()}
