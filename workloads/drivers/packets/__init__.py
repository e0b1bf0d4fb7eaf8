# SPDX-License-Identifier: Apache-2.0
"""Frames for programs that see packets, replayed from a capture file: all sides get the same bytes.

In the first round the frames are handed to the programs, in the others they are sent over a wire, where there can be
one.

=========== ======= =========================================================================================
``capture`` frames  the capture file: ``NAME.pcap`` beside this module
``rounds``  2       how often the whole collection comes, each time in another order and from other senders
``senders`` 60      different source addresses
``events``  0       for costs: as many frames that belong to the ordinary cases only; of another capture than
                    ``frames``, where nothing is known of cases, all in turns
=========== ======= =========================================================================================
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workloads.drivers.packets.capture import captured
from workloads.drivers.packets.frames import Frame
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

    capture: str = "frames"
    rounds: int = 2
    senders: int = 60
    events: int = 0


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Frames in order; those from number ``wired`` on are to be sent over a wire."""

    frames: tuple[Frame, ...]
    wired: int

    def events(self) -> Iterator[Event]:
        """One event a frame."""
        for number, frame in enumerate(self.frames):
            fields = {"wire": True} if number >= self.wired else {}
            yield Event(seq=number, hook=HOOK, packet=frame.data, actor="sender", note=frame.note, fields=fields)


@dataclass(frozen=True, slots=True)
class Packets:
    """The workload ``packets``."""

    name: str = "packets"

    def plan(self, seed: int, options: Mapping[str, Any]) -> FramePlan:
        """Which frames, in which order. Raises :class:`WorkloadError` for options that there are not."""
        chosen = read_options(Options, self.name, options)
        chance = random.Random(seed)
        stored = captured(chosen.capture)
        senders = [b"\x02" + chance.randbytes(5) for _ in range(chosen.senders)]
        if chosen.events:
            known = {frame.note: frame for frame in stored}
            ordinary = [known[note] for note in _ORDINARY if note in known] or stored
            frames = [ordinary[number % len(ordinary)] for number in range(chosen.events)]
        else:
            frames = [frame for _ in range(chosen.rounds) for frame in chance.sample(stored, len(stored))]
        # Costs are those of the programs, not of sending.
        wired = len(frames) if chosen.events else len(stored)
        return FramePlan(tuple(_from(frame, chance.choice(senders)) for frame in frames), wired)

    def drive(self, plan: FramePlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Hand over the frames."""
        del time_limit_s
        recorder.ready({})
        recorder.add(plan.events())


def _from(frame: Frame, sender: bytes) -> Frame:
    return Frame(frame.note, frame.data[: _SENDER.start] + sender + frame.data[_SENDER.stop :])


WORKLOAD = Packets()
