# SPDX-License-Identifier: Apache-2.0
"""Comparison of event streams."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from compare_bench import OURS, THEIRS, Bench, stats, u64

from harness.errors import RunError

EVENTS: dict[str, Any] = {"type": "stats", "volatile": {"last_ns": {"rule": "timestamp", "tolerance_ns": 100}}}


def test_equal_streams_are_equal(bench: Bench) -> None:
    ours = [stats(n, at=5_000) for n in range(3)]
    bench.add_stream("ring:events", EVENTS, c=ours, honey=[record[:16] + u64(5_050) for record in ours])
    found = bench.run(oracle=lambda _events, _context: {"ring:events": [{"bytes": n} for n in range(3)]})
    assert found.equal
    assert found.oracle_equal
    assert found.streams["ring:events"].records == 3


@pytest.mark.parametrize(
    ("honey", "text"),
    [
        ([stats(1), stats(3)], "ring:events[1]: bytes is 3 in honey, 2 in c"),
        ([stats(1)], "ring:events[1]: missing in honey; c has {bytes: 2"),
        ([stats(9), stats(1), stats(2)], "ring:events[0]: missing in c; honey has {bytes: 9"),
        ([stats(1), stats(2, at=0)], "last_ns is 0 in honey, 5000 in c (is zero)"),
    ],
)
def test_a_record_that_differs_is_named(bench: Bench, honey: list[bytes], text: str) -> None:
    bench.add_stream("ring:events", EVENTS, c=[stats(1), stats(2)], honey=honey)
    found = bench.run()
    assert not found.equal
    assert text in found.differences[0].text


def executed(pid: int = OURS, comm: bytes = b"make", file: bytes = b"/usr/bin/make") -> bytes:
    return struct.pack("<I16s24s", pid, comm, file)


FIRST, SECOND, THIRD = executed(), executed(file=b"/bin/sh"), executed(comm=b"cc1")
#: What can go wrong with a stream of events with names in them, as a side would write it, and what is said about it.
WRONG_STREAMS = {
    "another file": ([FIRST, executed(file=b"/bin/dash"), THIRD], "file is '/bin/dash'"),
    "a name cut off": ([FIRST, SECOND, executed(comm=b"cc")], "comm is 'cc'"),
    "a name that ends too late": ([executed(file=b"/usr/bin/make2"), SECOND, THIRD], "file is '/usr/bin/make2'"),
    "something behind the name": ([FIRST, executed(file=b"/bin/sh\0make"), THIRD], "file is b'/bin/sh\\x00make"),
    "no name": ([FIRST, SECOND, executed(comm=b"")], "comm is ''"),
    "a name that fills its field": ([executed(comm=b"m" * 16), SECOND, THIRD], f"comm is '{'m' * 16}'"),
    "another process": ([executed(pid=OURS + 1), SECOND, THIRD], "pid is 8"),
    "an event missing at the start": ([SECOND, THIRD], "ring:events[0]: missing in "),
    "an event missing in between": ([FIRST, THIRD], "ring:events[1]: missing in "),
    "an event missing at the end": ([FIRST, SECOND], "ring:events[2]: missing in "),
    "an event twice": ([FIRST, SECOND, SECOND, THIRD], "missing in c"),
    "another order": ([FIRST, THIRD, SECOND], "ring:events[1]: "),
}


@pytest.mark.parametrize("kind", WRONG_STREAMS)
def test_what_is_wrong_with_a_sides_events_is_said(bench: Bench, kind: str) -> None:
    honey, text = WRONG_STREAMS[kind]
    bench.add_stream("ring:events", {"type": "executed"}, c=[FIRST, SECOND, THIRD], honey=honey)
    found = bench.run()
    assert not found.equal
    assert any(text in difference.text for difference in found.differences), found.differences


@pytest.mark.parametrize("kind", WRONG_STREAMS)
def test_what_is_wrong_in_both_is_said_by_the_oracle(bench: Bench, kind: str) -> None:
    both, _ = WRONG_STREAMS[kind]
    wanted = [
        {"pid": OURS, "comm": comm, "file": file}
        for comm, file in (("make", "/usr/bin/make"), ("make", "/bin/sh"), ("cc1", "/usr/bin/make"))
    ]
    for right, records in ((True, [FIRST, SECOND, THIRD]), (False, both)):
        bench.add_stream("ring:events", {"type": "executed"}, c=records, honey=records)
        found = bench.run(oracle=lambda _events, _context: {"ring:events": wanted})
        assert found.equal
        assert found.oracle_equal == right


def test_records_in_any_order_need_only_be_the_same(bench: Bench) -> None:
    rule = EVENTS | {"order": "any"}
    bench.add_stream("ring:events", rule, c=[stats(1), stats(2)], honey=[stats(2), stats(1)])
    assert bench.run().equal
    bench.add_stream("ring:events", rule, c=[stats(1), stats(2)], honey=[stats(2), stats(2)])
    assert not bench.run().equal


def test_the_oracle_finds_records_that_both_sides_lack(bench: Bench) -> None:
    bench.add_stream("ring:events", EVENTS, c=[stats(1)], honey=[stats(1)])
    found = bench.run(oracle=lambda _events, _context: {"ring:events": [{"bytes": 1}, {"bytes": 2}]})
    assert found.equal
    assert found.oracle_equal is False
    assert "ring:events[1]: missing in c; oracle has {bytes: 2}" in found.differences[0].text


def line(pid: int, text: str) -> bytes:
    return f"            curl-{pid}    [000] ...21   100.5: bpf_trace_printk: {text}".encode()


@pytest.mark.parametrize(("last", "equal"), [("b", True), ("c", False)])
def test_lines_in_one_buffer_are_told_apart_by_turns(bench: Bench, last: str, equal: bool) -> None:
    lines = [line(OURS, "a"), line(THEIRS, "x"), line(OURS, "a"), line(THEIRS, "x"), line(OURS, "b"), line(OURS, last)]
    bench.add_stream("trace", {"scope": "pid"}, both=lines)
    found = bench.run(oracle=lambda _events, _context: {"trace": [{"text": "a"}, {"text": "b"}]})
    assert found.equal == equal
    assert found.streams["trace"].foreign == 1


def test_lost_records_are_a_difference(bench: Bench) -> None:
    bench.add_stream("ring:events", EVENTS, c=[stats(1)], honey=[stats(1)])
    file = bench.streams["honey"]["ring:events"]
    bench.streams["honey"]["ring:events"] = file.model_copy(update={"lost": 4})
    found = bench.run()
    assert not found.equal
    assert found.differences[0].text == "ring:events: 4 records of honey were lost"


def test_a_rule_for_a_stream_that_is_not_there_is_an_error(bench: Bench) -> None:
    bench.stream_rules["ring:events"] = {}
    with pytest.raises(RunError, match="ring:events: no side has such a stream"):
        bench.run()
