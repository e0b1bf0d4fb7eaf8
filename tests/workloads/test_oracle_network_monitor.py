# SPDX-License-Identifier: Apache-2.0
"""The network monitor's oracle on events made by hand: expectations are worked out from the specification."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from workloads import oracles
from workloads.base import WorkloadError
from workloads.events import Event
from workloads.oracles.truth import Moved, truth

PREDICT = oracles.get("network_monitor")
UDP, TCP = 17, 6

ADDRESS, HEADER = 0x5000, 0x6000
DNS = struct.pack("=H", 2) + struct.pack("!H4B8x", 53, 8, 8, 4, 4)
DNS_PEER = (53, int.from_bytes(bytes([8, 8, 4, 4]), "little"))


def event(call: str, *args: int, pid: int = 7, count: int = 1, **fields: Any) -> Event:
    memory = tuple(fields.pop("memory", {}).items())
    args = args + (0,) * (6 - len(args))
    return Event(
        seq=0, hook=f"syscalls/sys_enter_{call}", pid=pid, tid=pid, args=args, count=count, memory=memory, **fields
    )


def maps(*events: Event, **context: Any) -> oracles.Contents:
    return PREDICT(events, oracles.Context(**context))


def key(protocol: int, peer: tuple[int, int] = (0, 0), pid: int = 7) -> tuple[int, int, int, int]:
    port, ip = peer
    return (pid, protocol, port, ip)


def message(name: int) -> bytes:
    return struct.pack("=QQ", name, 16).ljust(128, b"\0")


def test_sendto_books_its_length_to_the_peer() -> None:
    found = maps(event("sendto", 3, 0x1000, 20, 0, ADDRESS, 16, memory={ADDRESS: DNS}))
    stats = {"bytes_sent": 20, "bytes_recv": 0, "packets_sent": 1, "packets_recv": 0}
    assert found["traffic_map"] == {key(UDP, DNS_PEER): stats}
    assert found["pid_stats"] == {7: stats}
    assert found["protocol_totals"] == {UDP: 20}
    assert found["anomaly_map"] == {}


@pytest.mark.parametrize(
    ("address", "memory"),
    [
        (0, {}),
        (ADDRESS, {}),
        (ADDRESS, {ADDRESS: DNS[:2]}),
        (ADDRESS, {ADDRESS: DNS[:15]}),
        (ADDRESS, {ADDRESS: struct.pack("=H", 10) + DNS[2:]}),
    ],
    ids=["NULL", "unmapped", "only the family", "one byte short", "IPv6"],
)
def test_sendto_without_an_ipv4_address_that_can_be_read_has_no_peer(address: int, memory: dict[int, bytes]) -> None:
    found = maps(event("sendto", 3, 0x1000, 20, 0, address, 16, memory=memory))
    assert list(found["traffic_map"]) == [key(UDP)]
    assert found["protocol_totals"] == {UDP: 20}


def test_an_address_may_lie_across_listed_pieces() -> None:
    found = maps(event("sendto", 3, 0, 1, 0, ADDRESS, 16, memory={ADDRESS: DNS[:5], ADDRESS + 5: DNS[5:]}))
    assert list(found["traffic_map"]) == [key(UDP, DNS_PEER)]


def test_zero_bytes_count_when_received_and_not_when_sent() -> None:
    assert maps(event("sendto", 3, 0x1000, 0))["pid_stats"] == {}
    found = maps(event("recvfrom", 3, 0x1000, 0), event("recvfrom", 3, 0x1000, 512))
    assert found["pid_stats"] == {7: {"bytes_sent": 0, "bytes_recv": 513, "packets_sent": 0, "packets_recv": 2}}
    assert found["protocol_totals"] == {UDP: 513}


def test_messages_count_one_byte_each_as_tcp() -> None:
    found = maps(
        event("sendmsg", 3, HEADER, memory={HEADER: message(ADDRESS), ADDRESS: DNS}, ret=500),
        event("sendmsg", 3, 0),
        event("recvmsg", 3, HEADER, memory={HEADER: message(ADDRESS), ADDRESS: DNS}),
        event("recvmsg", 3, 0),
    )
    sent = {"bytes_sent": 1, "bytes_recv": 0, "packets_sent": 1, "packets_recv": 0}
    rest = {"bytes_sent": 1, "bytes_recv": 2, "packets_sent": 1, "packets_recv": 2}
    assert found["traffic_map"] == {key(TCP, DNS_PEER): sent, key(TCP): rest}
    assert found["protocol_totals"] == {TCP: 4}


@pytest.mark.parametrize(
    "memory",
    [{}, {HEADER: message(ADDRESS)[:56], ADDRESS: DNS}, {HEADER: message(ADDRESS)}, {HEADER: message(0)}],
    ids=["unmapped", "not all of the kernel's header", "name unmapped", "no name"],
)
def test_a_message_whose_name_cannot_be_had_has_no_peer(memory: dict[int, bytes]) -> None:
    assert list(maps(event("sendmsg", 3, HEADER, memory=memory))["traffic_map"]) == [key(TCP)]


def test_nothing_is_booked_for_pid_0_and_for_other_hooks() -> None:
    found = maps(event("sendto", 3, 0, 9, pid=0), event("write", 3, 0, 9), Event(seq=0, hook="xdp", pid=7))
    assert not any(found.values())


def test_repetitions_count_each_time_and_sums_wrap_at_64_bits() -> None:
    found = maps(event("sendto", 3, 0, 10, count=100_000), event("sendto", 3, 0, 2**64 - 1))
    stats = found["pid_stats"][7]
    assert (stats["bytes_sent"], stats["packets_sent"]) == (999_999, 100_001)
    assert found["protocol_totals"] == {UDP: 999_999}


def test_a_full_map_takes_no_new_peer_but_goes_on_with_those_it_has() -> None:
    def to(port: int, size: int) -> Event:
        address = struct.pack("=H", 2) + struct.pack("!H12x", port)
        return event("sendto", 3, 0, size, 0, ADDRESS, 16, memory={ADDRESS: address})

    events = [to(1, 10), to(2, 20), to(3, 30), to(2, 5)]
    found = maps(*events, max_entries={"traffic_map": 2})
    assert {k[2]: v["bytes_sent"] for k, v in found["traffic_map"].items()} == {1: 10, 2: 25}
    assert found["pid_stats"][7]["bytes_sent"] == 65
    assert found["protocol_totals"] == {UDP: 65}
    less = maps(*events, max_entries={"traffic_map": 2}, occupied={"traffic_map": 1})
    assert [k[2] for k in less["traffic_map"]] == [1]


def test_truth_is_what_return_values_say() -> None:
    moved = truth(
        [
            event("sendto", 3, 0, 5000, ret=20, moved=20, count=3),
            event("sendto", 3, 0, 5000, ret=-14, moved=0, count=2),
            event("recvmsg", 3, 0, ret=700, moved=700, pid=8),
            event("recvfrom", 3, 0, 64, ret=0, moved=0, pid=8),
        ]
    )
    assert moved == {
        7: Moved(bytes_sent=60, packets_sent=3, failed=2),
        8: Moved(bytes_recv=700, packets_recv=2),
    }


def test_an_unknown_oracle_is_named_with_those_there_are() -> None:
    with pytest.raises(WorkloadError, match=r"no oracle 'monitor'.*network_monitor"):
        oracles.get("monitor")
