# SPDX-License-Identifier: Apache-2.0
"""Writes of two processes, ``speaker`` and ``other``, each with a thread besides its main one.

Option ``writes`` (24): how many each process makes. Option ``events`` (0): for costs, as many by ``speaker`` alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.script import Script
from workloads.options import read_options
from workloads.recorder import Recorder

_NO_FILE, _EBADF = 999, -9


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    writes: int = 24
    events: int = 0


@dataclass(frozen=True, slots=True)
class Writes:
    """The workload ``writes``."""

    name: str = "writes"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        chance = random.Random(seed)
        script = Script(hooks=frozenset({"write"}))
        speaker, speaker_2 = script.actor("speaker", "speaker-2")
        other, other_2 = script.actor("other", "other-2")
        turns = [speaker, speaker_2, other, other_2] * (chosen.writes // 2)
        chance.shuffle(turns)
        # A write that fails is a call of write(2) all the same, and needs no file.
        for lane in [speaker] if chosen.events else turns:
            count = chosen.events or chance.choice((1, 1, 1, 3))
            lane.call("write", _NO_FILE, lane.buffer, 16, ret=_EBADF, count=count, note="into no file")
        return script.plan()

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


WORKLOAD = Writes()
