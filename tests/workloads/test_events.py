# SPDX-License-Identifier: Apache-2.0
"""The event document."""

from __future__ import annotations

from pathlib import Path

from workloads.events import Event, read_events, with_exits, write_events


def test_events_survive_the_file(tmp_path: Path) -> None:
    events = [
        Event(seq=0, hook="syscalls/sys_enter_sendto", pid=7, tid=8, args=(3, 2**64 - 1, 0, 0, 0, 0), ret=-14, moved=0,
              memory=((0x1000, b"\0\xff"), (0x2000, b"")), count=128, actor="client", comm="client-2", note="ünïcode"),
        Event(seq=1, hook="sched/sched_switch", fields={"prev_pid": 1, "prev_comm": "x"}),
        Event(seq=2, hook="xdp", packet=b"\x01\x02", ret=0),
    ]  # fmt: skip
    assert write_events(tmp_path / "events.jsonl.gz", events) == 3
    assert list(read_events(tmp_path / "events.jsonl.gz")) == events


def test_exits_follow_their_entries_and_repetitions_are_unrolled() -> None:
    events = [
        Event(seq=0, hook="syscalls/sys_enter_recvfrom", pid=7, args=(1, 2, 3, 0, 0, 0), ret=-11, count=2),
        Event(seq=1, hook="syscalls/sys_enter_sendto", pid=7),
        Event(seq=2, hook="sched/sched_switch", count=1),
    ]
    seen = [(event.seq, event.hook, event.args[:1], event.count) for event in with_exits(events)]
    assert seen == [
        (0, "syscalls/sys_enter_recvfrom", (1,), 1),
        (1, "syscalls/sys_exit_recvfrom", (2**64 - 11,), 1),
        (2, "syscalls/sys_enter_recvfrom", (1,), 1),
        (3, "syscalls/sys_exit_recvfrom", (2**64 - 11,), 1),
        (4, "syscalls/sys_enter_sendto", (), 1),
        (5, "sched/sched_switch", (), 1),
    ]
