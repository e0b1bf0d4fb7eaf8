# SPDX-License-Identifier: Apache-2.0
"""Socket traffic on the loopback: every way of sending and receiving that a monitor of socket calls has to get right.

Options (all may be left out):

=============== ========= =============================================================================
``profile``     ``quick`` ``quick``: a little of everything; ``full``: a burst and more peers than a map of 10,240
                          entries holds besides; ``cost``: each call alone and often, the ordinary case only;
                          ``exact``, ``exact-cost``: with sendmmsg and recvmmsg, sockets followed from the start
``burst``       by        events in the burst (200 in ``quick``, 100,000 in ``full``)
``peers``       by        different peers, by one process, last of all (0 in ``quick``, 10,400 in ``full``)
``events``      4,000     events for each system call in ``cost``
``packets``     ``auto``  crafted packets from ``scapy``, as ``stored``, or scapy's where it is installed
``own_network`` true      the actors get a network namespace of their own where the machine allows it
=============== ========= =============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from workloads.base import WorkloadError
from workloads.calls import CallPlan
from workloads.conductor import play
from workloads.drivers.network.crafted import crafted
from workloads.drivers.network.datagrams import messages, other_families, udp
from workloads.drivers.network.faults import faults
from workloads.drivers.network.many import many_messages
from workloads.drivers.network.packets import crafted_packets
from workloads.drivers.network.script import EXACT_HOOKS, HOOKS
from workloads.drivers.network.stage import Stage, new_stage
from workloads.drivers.network.streams import tcp
from workloads.drivers.network.volume import burst, each_alone, many_peers
from workloads.recorder import Recorder
from workloads.sockets import with_sockets

_SCALES: dict[str, dict[str, int]] = {
    "quick": {"rounds": 6, "burst": 200, "peers": 0},
    "full": {"rounds": 40, "burst": 100_000, "peers": 10_400},
    "cost": {"rounds": 0, "burst": 0, "peers": 0},
    "exact": {"rounds": 12, "burst": 4_000, "peers": 0},
    "exact-cost": {"rounds": 0, "burst": 0, "peers": 0},
}


@dataclass(frozen=True, slots=True)
class Options:
    """The workload's options; None where the profile decides."""

    profile: str = "quick"
    burst: int | None = None
    peers: int | None = None
    events: int = 4000
    packets: str = "auto"
    own_network: bool = True

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """The options in ``given``. Raises :class:`WorkloadError` for names and values that are none."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise WorkloadError(f"the network workload has no option {name!r}; it has: {', '.join(known)}")
        options = cls(**given)
        if options.profile not in _SCALES:
            raise WorkloadError(f"the network workload has no profile {options.profile!r}: {', '.join(_SCALES)}")
        if options.packets not in {"auto", "scapy", "stored"}:
            raise WorkloadError(f"packets are from auto, scapy or stored, not {options.packets!r}")
        return options

    def scale(self, name: str) -> int:
        """The option ``name``, or what the profile says."""
        given: int | None = getattr(self, name, None)
        return _SCALES[self.profile][name] if given is None else given


@dataclass(frozen=True, slots=True)
class Network:
    """The workload ``network``."""

    name: str = "network"

    def plan(self, seed: int, options: Mapping[str, Any]) -> CallPlan:
        """What will be done. Raises :class:`WorkloadError` for options that there are not."""
        chosen = Options.read(options)
        exact = chosen.profile.startswith("exact")
        stage = new_stage(seed, EXACT_HOOKS if exact else HOOKS)
        if chosen.profile in {"cost", "exact-cost"}:
            each_alone(stage, chosen.events, many=exact)
        else:
            _everything(stage, chosen)
        plan = stage.script.plan(own_network=chosen.own_network)
        return with_sockets(plan) if exact else plan

    def drive(self, plan: CallPlan, recorder: Recorder, *, time_limit_s: float = 300.0) -> None:
        """Do it. Raises :class:`workloads.base.DriveError` if it cannot be finished."""
        play(plan, recorder, time_limit_s=time_limit_s)


def _everything(stage: Stage, options: Options) -> None:
    rounds = options.scale("rounds")
    udp(stage, 2 * rounds)
    messages(stage, rounds)
    tcp(stage, rounds)
    other_families(stage)
    crafted(stage, crafted_packets(options.packets))
    faults(stage)
    if stage.script.exact:
        many_messages(stage, rounds)
    if options.scale("burst"):
        burst(stage, options.scale("burst"))
    # Last, because nothing that comes after it finds room in a full map.
    if options.scale("peers"):
        many_peers(stage, options.scale("peers"))


WORKLOAD = Network()
