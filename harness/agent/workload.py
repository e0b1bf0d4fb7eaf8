# SPDX-License-Identifier: Apache-2.0
"""The agent's side of a workload: find it by name, plan it, drive it, keep what it did."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.agent.errors import AgentError
from harness.agent.job import WorkloadUse
from harness.agent.release import no_process_left


@dataclass(frozen=True, slots=True)
class Driven:
    """What a workload did: its events and the processes that did it."""

    events: Sequence[Any]
    pids: tuple[int, ...]


class Driver:
    """A planned workload, ready to be driven any number of times."""

    def __init__(self, use: WorkloadUse | None, seed: int) -> None:
        if use is None:
            raise AgentError("plan workload", "the phase names no workload")
        try:
            registry = importlib.import_module("workloads.registry")
            self._workload = registry.get(use.name)
            self._recorder = registry.Recorder
        except (ImportError, AttributeError, LookupError) as problem:
            raise AgentError("plan workload", f"{use.name}: {type(problem).__name__}: {problem}") from problem
        self._name = use.name
        self._plan = self._workload.plan(seed, use.options)

    def drive(self) -> Driven:
        """Do it, here and now; no process of it is left afterwards."""
        recorder = self._recorder()
        with no_process_left():
            try:
                self._workload.drive(self._plan, recorder)
            except (OSError, RuntimeError, ValueError) as problem:
                raise AgentError("drive workload", f"{self._name}: {type(problem).__name__}: {problem}") from problem
        return Driven(recorder.events(), tuple(sorted(recorder.pids())))


def write_driven(folder: Path, driven: Driven) -> str:
    """Write the events into ``folder``; gives the file's name."""
    events = importlib.import_module("workloads.events")
    events.write_events(folder / "events.jsonl.gz", driven.events)
    return "events.jsonl.gz"
