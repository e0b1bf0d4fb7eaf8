# SPDX-License-Identifier: Apache-2.0
"""The agent's side of a workload: find it by name, plan it, drive it, keep what it did."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.agent.errors import AgentError
from harness.agent.job import WorkloadUse
from harness.agent.release import no_process_left


@dataclass(frozen=True, slots=True)
class Driven:
    """What a workload did: its events, the processes and threads that did it, and what went otherwise than planned."""

    events: Sequence[Any]
    pids: tuple[int, ...]
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As it stands in a phase of ``result.json``."""
        return {"pids": list(self.pids), "deviations": list(self.deviations), "notes": list(self.notes)}


class Driver:
    """A planned workload, ready to be driven any number of times."""

    def __init__(self, use: WorkloadUse | None, seed: int, time_limit_s: float) -> None:
        if use is None:
            raise AgentError("plan workload", "the phase names no workload")
        self._name = use.name
        self._time_limit_s = time_limit_s
        try:
            registry = importlib.import_module("workloads.registry")
            self._recorder = importlib.import_module("workloads.recorder").Recorder
            self._workload = registry.get(use.name)
            self._plan = self._workload.plan(seed, use.options)
        except Exception as problem:
            raise AgentError("plan workload", f"{use.name}: {_words(problem)}") from problem

    def drive(self, ready: Callable[[Mapping[str, int]], None] | None = None) -> Driven:
        """Do it, here and now; no process of it is left afterwards.

        ``ready`` is called before anything is done that counts, with the process id of each actor.
        """
        recorder = self._recorder(on_ready=ready)
        with no_process_left():
            try:
                self._workload.drive(self._plan, recorder, time_limit_s=self._time_limit_s)
            except AgentError:
                raise
            except Exception as problem:
                raise AgentError("drive workload", f"{self._name}: {_words(problem)}") from problem
        ids = tuple(sorted({*recorder.pids, *recorder.tids}))
        return Driven(recorder.events, ids, tuple(recorder.deviations), tuple(recorder.notes))


def _words(problem: Exception) -> str:
    """An exception's message; with its kind where it is not one of the workloads' own, which speak for themselves."""
    kind = type(problem)
    return str(problem) if kind.__module__.startswith("workloads.") else f"{kind.__name__}: {problem}"


def write_driven(folder: Path, driven: Driven) -> str:
    """Write the events into ``folder``; gives the file's name."""
    events = importlib.import_module("workloads.events")
    events.write_events(folder / "events.jsonl.gz", driven.events)
    return "events.jsonl.gz"
