# SPDX-License-Identifier: Apache-2.0
"""Frames for programs that see packets. They are handed to the programs, not sent: all sides get the same bytes.

=========== ======= =========================================================================================
``rounds``  2       how often the whole collection comes, each time in another order and from other senders
``senders`` 60      different source addresses
``events``  0       for costs: as many frames that belong to the ordinary cases only
=========== ======= =========================================================================================
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workloads.drivers.packets.frames import Frame, stored_frames
from workloads.events import Event
from workloads.options import read_options
from workloads.recorder import Recorder

HOOK: Final = "xdp"
_SENDER: Final = slice(6, 12)
#: What costs are measured with, in turns.
_ORDINARY: Final = ("UDP to 3000", "UDP to 3001", "UDP to 53", "TCP to 53", "UDP to 3001 with a VLAN tag")


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options."""

    rounds: int = 2
    senders: int = 60
    events: int = 0


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Frames in order."""

    frames: tuple[Frame, ...]

    def events(self) -> Iterator[Event]:
        """One event a frame."""
        for number, frame in enumerate(self.frames):
            yield Event(seq=number, hook=HOOK, packet=frame.data, actor="sender", note=frame.note)


@dataclass(frozen=True, slots=True)
class Packets:
    """The workload ``packets``."""

    name: str = "packets"

    def plan(self, seed: int, options: Mapping[str, Any]) -> FramePlan:
        """Which frames, in which order. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        chance = random.Random(seed)
        stored = stored_frames()
        senders = [b"\x02" + chance.randbytes(5) for _ in range(chosen.senders)]
        if chosen.events:
            ordinary = {frame.note: frame for frame in stored}
            frames = [ordinary[_ORDINARY[number % len(_ORDINARY)]] for number in range(chosen.events)]
        else:
            frames = [frame for _ in range(chosen.rounds) for frame in chance.sample(stored, len(stored))]
        return FramePlan(tuple(_from(frame, chance.choice(senders)) for frame in frames))

    def drive(self, plan: FramePlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Hand over the frames."""
        del time_limit_s
        recorder.ready({})
        recorder.add(plan.events())


def _from(frame: Frame, sender: bytes) -> Frame:
    return Frame(frame.note, frame.data[: _SENDER.start] + sender + frame.data[_SENDER.stop :])


WORKLOAD = Packets()
