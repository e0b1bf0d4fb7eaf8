# SPDX-License-Identifier: Apache-2.0
"""System calls by number: calls that nobody else makes, in known numbers.

Option ``calls`` (60): how many of each number at most; the seed decides how many really.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workloads.base import WorkloadError
from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.script import Script
from workloads.options import read_options
from workloads.recorder import Recorder
from workloads.system_calls import NUMBERED

_ENOSYS = -38
#: No kernel has these calls. 512 is the first that a table of 512 does not hold; the last has bits above the 32nd.
UNUSED: Final = (386, 387, 401, 402, 423, 500, 509, 510, 511, 512, 513, 1000, 65_536, 0x4000_0190)


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    calls: int = 60


@dataclass(frozen=True, slots=True)
class Numbers:
    """The workload ``numbers``."""

    name: str = "numbers"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        if chosen.calls < 1:
            raise WorkloadError("the numbers workload makes at least one call of each number")
        chance = random.Random(seed)
        script = Script()
        first, second = script.actor("caller", "caller-2")
        (other,) = script.actor("other")
        for round_number in range(3):
            for number in chance.sample(UNUSED, len(UNUSED)):
                lane = chance.choice((first, second, other))
                count = chance.randint(1, max(1, chosen.calls // 3))
                lane.call(f"{NUMBERED}{number}", ret=_ENOSYS, count=count, note=f"round {round_number}")
        return script.plan(raw=True)

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


WORKLOAD = Numbers()
