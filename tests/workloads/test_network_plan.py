# SPDX-License-Identifier: Apache-2.0
"""What the network workload plans: the same for the same seed, and all the traffic that it promises."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from workloads import registry
from workloads.base import WorkloadError
from workloads.calls import CallPlan
from workloads.drivers.network.packets import crafted_packets
from workloads.events import Event
from workloads.user_memory import UserMemory

WORKLOAD = registry.get("network")


@cache
def plan(seed: int, profile: str) -> CallPlan:
    made: CallPlan = WORKLOAD.plan(seed, {"profile": profile, "packets": "stored"})
    return made


def events_of(seed: int = 1, profile: str = "quick") -> list[Event]:
    return list(plan(seed, profile).events())


def call(event: Event) -> str:
    return event.hook.removeprefix("syscalls/sys_enter_")


def family_at(event: Event, address: int) -> int | None:
    found = UserMemory(event.memory).read(address, 2) if address else None
    return None if found is None else int(struct.unpack("=H", found)[0])


def header(event: Event) -> tuple[int, ...] | None:
    """The fields of a message's header; None where it cannot be read."""
    found = UserMemory(event.memory).read(event.args[1], 56)
    return None if found is None else struct.unpack_from("=QQQQ", found)


def named(event: Event) -> int:
    """``msg_name``; 0 where there is no header."""
    found = header(event)
    return found[0] if found else 0


def vectors(event: Event) -> int:
    """``msg_iovlen``; -1 where there is no header."""
    found = header(event)
    return found[3] if found else -1


def test_a_seed_gives_the_same_events_each_time_and_another_seed_others() -> None:
    again = WORKLOAD.plan(1, {"packets": "stored"})
    assert list(again.events()) == events_of(1)
    assert events_of(2) != events_of(1)


def test_scapy_and_the_stored_packets_are_the_same_bytes() -> None:
    pytest.importorskip("scapy", reason="scapy is not installed")
    assert crafted_packets("scapy") == crafted_packets("stored")


def test_several_processes_and_threads_take_part() -> None:
    events = events_of()
    assert len({event.pid for event in events}) >= 4
    assert sum(event.pid != event.tid for event in events) > 10


KINDS: dict[str, Callable[[Event], Any]] = {
    "UDP sendto with an IPv4 address": lambda e: call(e) == "sendto" and family_at(e, e.args[4]) == socket.AF_INET,
    "sendto with NULL address": lambda e: call(e) == "sendto" and e.args[4] == 0 and "connected" in e.note,
    "sendto of zero bytes": lambda e: call(e) == "sendto" and e.args[2] == 0 and e.ret == 0,
    "recvfrom into zero bytes": lambda e: call(e) == "recvfrom" and e.args[2] == 0 and e.ret == 0,
    "recvfrom that asks for the source": lambda e: call(e) == "recvfrom" and e.args[4],
    "TCP send": lambda e: call(e) == "sendto" and e.note == "TCP, send()",
    "TCP recv": lambda e: call(e) == "recvfrom" and e.note == "TCP, recv()",
    "IPv6 address": lambda e: call(e) == "sendto" and family_at(e, e.args[4]) == socket.AF_INET6,
    "Unix address": lambda e: call(e) == "sendto" and family_at(e, e.args[4]) == socket.AF_UNIX and (e.ret or 0) > 0,
    "link-layer address": lambda e: call(e) == "sendto" and family_at(e, e.args[4]) == socket.AF_PACKET,
    "one iovec with a name": lambda e: call(e) == "sendmsg" and named(e) and vectors(e) == 1,
    "several iovecs with a name": lambda e: call(e) == "sendmsg" and named(e) and vectors(e) > 1,
    "several iovecs, no name": lambda e: call(e) == "sendmsg" and not named(e) and vectors(e) > 1,
    "IPv6 name": lambda e: call(e) == "sendmsg" and family_at(e, named(e)) == socket.AF_INET6,
    "recvmsg with a name": lambda e: call(e) == "recvmsg" and named(e) and (e.ret or 0) > 0,
    "recvmsg into several iovecs": lambda e: call(e) == "recvmsg" and vectors(e) > 1,
    "unmapped address": lambda e: call(e) == "sendto" and e.args[4] and family_at(e, e.args[4]) is None,
    "only the family can be read": lambda e: call(e) == "sendto" and family_at(e, e.args[4]) == socket.AF_INET
    and UserMemory(e.memory).read(e.args[4], 16) is None,
    "NULL message header, sent": lambda e: call(e) == "sendmsg" and e.args[1] == 0,
    "NULL message header, received": lambda e: call(e) == "recvmsg" and e.args[1] == 0,
    "unmapped message header": lambda e: call(e) == "sendmsg" and e.args[1] and vectors(e) < 0,
    "a name of which only the family can be read": lambda e: call(e) == "sendmsg"
    and family_at(e, named(e)) == socket.AF_INET and UserMemory(e.memory).read(named(e), 16) is None,
    "a length beyond 32 bits": lambda e: call(e) == "sendto" and e.args[2] == 2**32 + 5,
    "crafted ICMP": lambda e: "ICMP" in e.note,
    "crafted TCP SYN": lambda e: "TCP SYN" in e.note,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_traffic_has_a_bit_of(kind: str, profile: str) -> None:
    assert any(KINDS[kind](event) for event in events_of(3, profile))


def test_the_full_profile_bursts_and_then_overfills_a_map_at_the_very_end() -> None:
    events = events_of(1, "full")
    assert sum(event.count for event in events if event.note == "burst") >= 100_000
    last = [event.note for event in events].index("many peers")
    peers = {UserMemory(e.memory).read(e.args[4], 8) for e in events[last:] if e.note == "many peers"}
    assert len(peers) > 10_240
    assert {event.actor for event in events[last:]} == {"peers", "newcomer"}


def test_the_cost_profile_has_each_call_alone_equally_often_and_nothing_that_fails() -> None:
    events = list(WORKLOAD.plan(1, {"profile": "cost", "events": 1000}).events())
    for name in ("sendto", "recvfrom", "sendmsg", "recvmsg"):
        assert sum(event.count for event in events if call(event) == name) == 1000
    assert all((event.ret or 0) > 0 for event in events)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"profil": "full"}, "no option 'profil'"), ({"profile": "big"}, "no profile 'big'"), ({"packets": "x"}, "'x'")],
)
def test_what_is_no_option_is_named(options: dict[str, str], word: str) -> None:
    with pytest.raises(WorkloadError, match=word):
        WORKLOAD.plan(1, options)


def test_an_unknown_workload_is_named_with_those_there_are() -> None:
    with pytest.raises(WorkloadError, match=r"no workload 'netwrk'.*network"):
        registry.get("netwrk")
