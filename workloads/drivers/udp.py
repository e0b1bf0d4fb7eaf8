# SPDX-License-Identifier: Apache-2.0
"""UDP datagrams only, there and back, through each of the system calls: a small cut of the ``network`` workload.

=============== ======= =============================================================================
``rounds``      20      exchanges, and messages
``own_network`` true    the actors get a network namespace of their own where the machine allows it
=============== ======= =============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.datagrams import messages, udp
from workloads.drivers.network.stage import new_stage
from workloads.options import read_options
from workloads.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    rounds: int = 20
    own_network: bool = True


@dataclass(frozen=True, slots=True)
class Udp:
    """The workload ``udp``."""

    name: str = "udp"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        stage = new_stage(seed)
        udp(stage, chosen.rounds)
        messages(stage, chosen.rounds)
        return stage.script.plan(own_network=chosen.own_network)

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


WORKLOAD = Udp()
