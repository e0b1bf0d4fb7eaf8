# SPDX-License-Identifier: Apache-2.0
"""What every workload is: a plan from a seed, and a drive that does what the plan says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from workloads.events import Event

if TYPE_CHECKING:
    from workloads.recorder import Recorder


class WorkloadError(Exception):
    """A workload that is not known, an option it does not have, or a drive that could not be finished."""


class DriveError(WorkloadError):
    """The drive broke off; the message says in which step and why."""


class Plan(Protocol):
    """What will be done, in order; the same for the same seed and options on every machine."""

    def events(self) -> Iterator[Event]:
        """What the plan leads to, without doing it: pids are made up, addresses are those that a drive will use."""
        ...


PlanT = TypeVar("PlanT", bound=Plan)


class Workload(Protocol[PlanT]):
    """A named source of events."""

    @property
    def name(self) -> str:
        """The name in ``benchmarks/*.toml``."""
        ...

    def plan(self, seed: int, options: Mapping[str, Any]) -> PlanT:
        """What will be done. Does nothing itself. Raises :class:`WorkloadError` for options it does not have."""
        ...

    def drive(self, plan: PlanT, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it, in processes of its own, which have all ended when this returns or raises :class:`DriveError`.

        The processes inherit the CPU affinity of the caller. Must be called from a thread that lives as long.
        """
        ...
