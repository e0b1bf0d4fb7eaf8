# SPDX-License-Identifier: Apache-2.0
"""Memory that is mapped, given back, and asked for at the program break.

=========== ==== ==============================================================================
``rounds``  60   calls of each of two processes, chosen by the seed, besides the special cases
``events``  0    for costs: as many mmap, munmap and brk each; then nothing else is done
=========== ==== ==============================================================================
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.script import Lane, Script
from workloads.memory import ACTOR_STRIDE, BASE
from workloads.options import read_options
from workloads.recorder import Recorder

_PAGE = 4096
#: Mappings below this are left out by programs that look at large ones only.
_LARGE = 16_384
_PRIVATE_FIXED_ANONYMOUS = 0x02 | 0x10 | 0x20
_ENOMEM, _EINVAL = -12, -22
#: In an actor's own stretch of memory, behind what it uses itself.
_AREA: Final = 0x400_0000
#: Below any program break there is, so the kernel leaves it where it is: moving it would pull the heap away.
_LOW_BREAKS: Final = range(0x1000, 0x9000)


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    rounds: int = 60
    events: int = 0


@dataclass(frozen=True, slots=True)
class Mappings:
    """The workload ``mappings``."""

    name: str = "mappings"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        script = Script(hooks=frozenset({"mmap", "munmap", "brk"}))
        chance = random.Random(seed)
        lanes = [*script.actor("mapper", "mapper-2"), *script.actor("other")]
        if chosen.events:
            _costs(lanes[0], chosen.events)
        else:
            _special_cases(lanes[0])
            for _ in range(chosen.rounds):
                _anything(chance.choice(lanes), chance)
            _special_cases(lanes[2])
        return script.plan()

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


def _costs(lane: Lane, events: int) -> None:
    place = _place(lane)
    for _ in range(events // 50):
        _map(lane, place, _LARGE, count=50)
        _unmap(lane, place, _LARGE, count=50)
        # Up and down in turns, because both are ordinary.
        for number in range(25):
            _brk(lane, _LOW_BREAKS[number % 2], "cost")
            _brk(lane, _LOW_BREAKS[1000 + number % 2], "cost")


def _special_cases(lane: Lane) -> None:
    place = _place(lane)
    _brk(lane, 0, "a question")
    _brk(lane, _LOW_BREAKS[5000], "a first break")
    _map(lane, place, _LARGE - 1, note="just too small")
    _map(lane, place, _LARGE, note="just large enough")
    _map(lane, place + (1 << 20), 10 * _LARGE)
    _unmap(lane, place, 100 * _LARGE, note="more than there is")
    _unmap(lane, place, _LARGE, note="what is gone already")
    _brk(lane, _LOW_BREAKS[6000], "up")
    _brk(lane, _LOW_BREAKS[6000], "the same again")
    _brk(lane, _LOW_BREAKS[100], "further down than up")
    _map(lane, place, 0, ret=_EINVAL, note="of no size")
    _map(lane, place, 1 << 62, ret=_ENOMEM, note="more than there can be")
    lane.call("munmap", place, 1 << 63, ret=_EINVAL, note="more than there can be")
    lane.call("munmap", place + 1, _LARGE, ret=_EINVAL, note="not a page's beginning")


def _anything(lane: Lane, chance: random.Random) -> None:
    place = _place(lane) + _PAGE * chance.randrange(1000)
    length = chance.choice((_PAGE, 3 * _PAGE, _LARGE, chance.randrange(_LARGE, 1 << 20)))
    kind = chance.randrange(5)
    if kind < 2:
        _map(lane, place, length)
    elif kind < 4:
        _unmap(lane, place, length)
    else:
        _brk(lane, chance.choice(_LOW_BREAKS), "anywhere")


def _place(lane: Lane) -> int:
    return BASE + lane.actor * ACTOR_STRIDE + _AREA


def _map(lane: Lane, place: int, length: int, *, ret: int | None = None, note: str = "", count: int = 1) -> None:
    args = (place, length, 0, _PRIVATE_FIXED_ANONYMOUS, -1, 0)
    lane.call("mmap", *args, ret=place if ret is None else ret, note=note, count=count)


def _unmap(lane: Lane, place: int, length: int, *, note: str = "", count: int = 1) -> None:
    lane.call("munmap", place, length, ret=0, note=note, count=count)


def _brk(lane: Lane, wanted: int, note: str) -> None:
    lane.call("brk", wanted, note=note)


WORKLOAD = Mappings()
