# SPDX-License-Identifier: Apache-2.0
"""Signals to processes that there are not: every ``kill`` is seen, and none hurts anybody.

=========== ======= ====================================================================
``targets`` 1,100   different process ids that get signal 9, the last ones after all else
``events``  0       signals of 9 to one process id, for costs; then nothing else is done
=========== ======= ====================================================================
"""

from __future__ import annotations

import random
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.script import Lane, Script
from workloads.options import read_options
from workloads.recorder import Recorder

_ESRCH = -3
#: Beyond the highest process id that Linux ever gives (``PID_MAX_LIMIT``, 4,194,304).
NOBODY: Final = range(5_000_000, 5_500_000)
_U64 = (1 << 64) - 1
_HIGH = 1 << 32


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    targets: int = 1100
    events: int = 0


@dataclass(frozen=True, slots=True)
class Kills:
    """The workload ``kills``."""

    name: str = "kills"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        script = Script(hooks=frozenset({"kill"}))
        (lane,) = script.actor("killer")
        if chosen.events:
            _kill(lane, NOBODY[0], signal.SIGKILL, "cost", count=chosen.events)
        else:
            _everything(lane, random.Random(seed), chosen.targets)
        return script.plan()

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


def _everything(lane: Lane, chance: random.Random, targets: int) -> None:
    pids = chance.sample(NOBODY[100:], targets)
    for pid in pids[:20]:
        _kill(lane, pid, signal.SIGKILL, "killed", count=chance.randint(1, 3))
    for pid in NOBODY[:20]:
        _kill(lane, pid, chance.choice((0, 1, 8, 10, 15, 64, 265)), "another signal")
    _kill(lane, NOBODY[20] | _HIGH, signal.SIGKILL, "bits above those of a process id")
    _kill(lane, NOBODY[21], signal.SIGKILL | _HIGH, "bits above those of a signal")
    _kill(lane, -NOBODY[22] & _U64, signal.SIGKILL, "a process group")
    for pid in NOBODY[40:44]:
        _kill(lane, pid, signal.SIGKILL, "there may be an entry already")
    for pid in pids:
        _kill(lane, pid, signal.SIGKILL, "killed, perhaps again")


def _kill(lane: Lane, pid: int, number: int, note: str, *, count: int = 1) -> None:
    lane.call("kill", pid, int(number), ret=_ESRCH, note=note, count=count)


WORKLOAD = Kills()
