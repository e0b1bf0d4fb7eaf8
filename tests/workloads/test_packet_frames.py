# SPDX-License-Identifier: Apache-2.0
"""The frames that are given to packet programs."""

from __future__ import annotations

from workloads import registry
from workloads.drivers.packets.frames import SHORTEST, build, stored_frames


def test_the_stored_frames_are_those_that_scapy_builds() -> None:
    assert stored_frames() == build()


def test_the_kernel_takes_every_frame() -> None:
    assert min(len(frame.data) for frame in stored_frames()) >= SHORTEST


def test_a_seed_decides_order_and_senders() -> None:
    workload = registry.get("packets")
    first, again, other = (list(workload.plan(seed, {}).events()) for seed in (1, 1, 2))
    assert first == again
    assert first != other
