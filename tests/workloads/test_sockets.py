# SPDX-License-Identifier: Apache-2.0
"""What a plan expects of the kernel's sockets is what the kernel does."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from workloads import registry
from workloads.events import Event, with_exits
from workloads.oracles.network_monitor_exact import predict
from workloads.recorder import Recorder
from workloads.sockets import _FIRST_PORT

FRAME = struct.pack("=H", socket.AF_PACKET).hex()


def planned(seed: int) -> list[Event]:
    return list(registry.get("network").plan(seed, {"profile": "exact"}).events())


def without_made_up_ports(expected: str, found: str) -> str:
    """``found``, with the ports that the plan made up where it made them up."""
    port_at = slice(4, 8)
    made_up = len(expected) == 64 and int(expected[port_at], 16) >= _FIRST_PORT
    return found[: port_at.start] + expected[port_at] + found[port_at.stop :] if made_up else found


@pytest.mark.parametrize("seed", [1, 2])
def test_the_kernel_writes_what_the_plan_expects(seed: int) -> None:
    workload = registry.get("network")
    recorder = Recorder()
    workload.drive(workload.plan(seed, {"profile": "exact"}), recorder)
    compared = 0
    for plan, done in zip(planned(seed), recorder.events, strict=True):
        # Where something is not allowed here, the call failed and wrote nothing.
        if min(plan.ret or 0, done.ret or 0) < 0:
            continue
        expectations, left = plan.fields.get("after", []), done.fields.get("after", [])
        for (at, expected), (where, found) in zip(expectations, left, strict=True):
            if not found.startswith(FRAME):
                assert (at, expected) == (where, without_made_up_ports(expected, found)), plan
                compared += 1
    assert compared > 80


def sk_of(event: Event) -> dict[str, Any]:
    (behind,) = event.fields["task"]["files"]["fdt"]["fd"].values()
    sk: dict[str, Any] = behind["private_data"]["sk"]
    return sk


def test_a_connected_socket_has_its_peer_and_its_protocol() -> None:
    events = [event for event in planned(1) if event.note == "UDP, connected, send()"]
    (connect,) = [e for e in planned(1) if e.hook.endswith("connect") and (e.pid, e.args[0]) == key(events[0])][:1]
    address = connect.memory[0][1]
    common = sk_of(events[0])["__sk_common"]
    assert sk_of(events[0])["sk_protocol"] == socket.IPPROTO_UDP
    assert common["skc_dport"].to_bytes(2, "little") + common["skc_daddr"].to_bytes(4, "little") == address[2:8]
    # It is not connected yet when it asks to be.
    assert sk_of(connect)["__sk_common"]["skc_dport"] == 0


def key(event: Event) -> tuple[int, int]:
    return event.pid, event.args[0]


def test_at_the_exit_memory_is_as_the_kernel_left_it() -> None:
    enter = next(event for event in planned(1) if event.note == "many messages" and "recvmmsg" in event.hook)
    _, leave = with_exits([enter])
    at, headers = enter.fields["after"][0]
    assert dict(leave.memory)[at].hex() == headers != dict(enter.memory)[at].hex()


def test_the_planned_events_are_enough_for_the_oracle() -> None:
    families = {flow.family for flow in predict(planned(1))["flows"]}
    assert {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX} <= families
