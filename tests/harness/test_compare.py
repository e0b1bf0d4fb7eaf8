# SPDX-License-Identifier: Apache-2.0
"""Comparison of map dumps: what is found, what is let pass, and what a person reads."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from compare_bench import END, FLOWS, OURS, START, THEIRS, UDP, Bench, flow, stats, u64

from harness.compare.align import align
from harness.compare.run import compare
from harness.errors import RunError
from harness.objects import BpfObject
from workloads.events import Event
from workloads.oracles import Between, Context


def test_equal_maps_are_equal(bench: Bench) -> None:
    entries = {flow(port=1): stats(10), flow(port=2): stats(20)}
    bench.add("flows", entries, entries, FLOWS)
    found = bench.run()
    assert found.equal
    assert found.oracle_equal is None
    assert found.differences == ()


def test_a_wrong_value_is_named_with_key_field_and_columns(bench: Bench) -> None:
    bench.add("flows", {flow(): stats(25)}, {flow(): stats(20)}, FLOWS)
    found = bench.run()
    assert not found.equal
    (difference,) = found.differences
    assert difference.text == f"flows[pid {OURS}, UDP, 127.0.0.1:53]: bytes is 20 in honey, 25 in c"
    assert difference.key == {"pid": OURS, "protocol": UDP, "port": 53, "ip": 0x0100007F}
    assert found.maps["flows"].against("honey") == 1


@pytest.mark.parametrize(
    ("c", "honey", "text"),
    [
        ({flow(): stats(1)}, {}, "missing in honey; c has {bytes: 1"),
        ({}, {flow(): stats(1)}, "missing in c; honey has {bytes: 1"),
    ],
)
def test_a_missing_key_is_named(bench: Bench, c: Any, honey: Any, text: str) -> None:
    bench.add("flows", c, honey, FLOWS)
    found = bench.run()
    assert not found.equal
    assert text in found.differences[0].text


@pytest.mark.parametrize(
    ("c_ns", "honey_ns", "why"),
    [
        (5_000, 5_099, ""),
        (5_000, 5_101, "differs by 101 ns, more than 100"),
        (5_000, 0, "is zero"),
        (START - 1, START - 1, "lies 1 ns before the run"),
        (END + 5, END + 5, "lies 5 ns after the run"),
    ],
)
def test_timestamps_are_non_zero_inside_the_run_and_close(bench: Bench, c_ns: int, honey_ns: int, why: str) -> None:
    bench.add("flows", {flow(): stats(1, at=c_ns)}, {flow(): stats(1, at=honey_ns)}, FLOWS)
    found = bench.run()
    assert found.equal == (not why)
    if why:
        assert f"last_ns is {honey_ns} in honey, {c_ns} in c ({why})" in found.differences[0].text


@pytest.mark.parametrize(("stall", "fine"), [((5_020, 5_600), True), ((5_450, 6_000), False), ((6_000, 9_000), False)])
def test_times_are_close_where_the_machine_stood_still_between_them(
    bench: Bench, stall: tuple[int, int], fine: bool
) -> None:
    bench.add("flows", {flow(): stats(1, at=5_000)}, {flow(): stats(1, at=5_500)}, FLOWS)
    evidence = bench.evidence()
    assert not compare(evidence).equal
    assert compare(replace(evidence, phase=evidence.phase.model_copy(update={"stalls": (stall,)}))).equal == fine


def test_a_tolerance_lets_small_differences_pass_and_no_others(bench: Bench) -> None:
    rule = {"volatile": {"value": {"rule": "tolerance", "relative": 0.1}}}
    bench.add("totals", {b"\1": u64(100), b"\2": u64(100)}, {b"\1": u64(109), b"\2": u64(150)}, rule)
    (difference,) = bench.run().differences
    assert difference.key == 2


@pytest.mark.parametrize(("amount", "fine"), [(94, False), (95, True), (105, True), (125, True), (126, False)])
def test_a_number_of_which_bounds_are_known_lies_between_them_or_within_the_tolerance(
    bench: Bench, amount: int, fine: bool
) -> None:
    rule = FLOWS | {"volatile": FLOWS["volatile"] | {"value.bytes": {"rule": "tolerance", "absolute": 5}}}
    bench.add("flows", {flow(): stats(amount)}, {flow(): stats(amount)}, rule)
    key = FlowKey(OURS, UDP, 53, 0x0100007F)
    found = bench.run(oracle=lambda _events, _context: {"flows": {key: {"bytes": Between(100, 120)}}})
    assert found.oracle_equal == fine
    texts = [difference.text for difference in found.differences]
    assert fine or f"bytes is {amount} in honey, {amount} in c, 100 to 120 in oracle" in texts[0]


def test_dirty_padding_is_a_difference_though_the_typed_keys_are_equal(bench: Bench) -> None:
    bench.add("flows", {flow(): stats(1)}, {flow(pad=0xAA): stats(1)}, FLOWS)
    found = bench.run()
    assert not found.equal
    (difference,) = found.differences
    assert "padding is not zero in honey (byte 5 is 0xaa)" in difference.text


def test_an_array_compares_only_the_slots_that_were_written(bench: Bench) -> None:
    zeros = {struct.pack("<I", i): u64(0) for i in range(8)}
    bench.add("slots", zeros | {struct.pack("<I", 3): u64(5)}, zeros | {struct.pack("<I", 3): u64(6)})
    found = bench.run()
    assert len(found.maps["slots"].sides["c"].values) == 1
    assert found.differences[0].text == "slots[3]: value is 6 in honey, 5 in c"


def test_per_cpu_values_are_compared_cpu_by_cpu_and_summed_for_the_oracle(bench: Bench) -> None:
    key = struct.pack("<I", 1)
    value = stats(5, at=2_000) + stats(0, 0, 0)
    bench.add("per_cpu", {key: value}, {key: value}, {"volatile": FLOWS["volatile"]})
    assert bench.run(oracle=lambda _events, _context: {"per_cpu": {1: {"bytes": 5, "packets": 1}}}).oracle_equal
    assert not bench.run(oracle=lambda _events, _context: {"per_cpu": {1: {"bytes": 6, "packets": 1}}}).oracle_equal


def test_the_oracle_is_asked_only_about_the_workloads_own_processes(bench: Bench) -> None:
    entries = {flow(): stats(10), flow(pid=THEIRS): stats(77)}
    bench.add("flows", entries, entries, FLOWS)
    key = FlowKey(OURS, UDP, 53, 0x0100007F)
    found = bench.run(oracle=lambda _events, _context: {"flows": {key: {"bytes": 10, "packets": 1}}})
    assert found.oracle_equal
    assert found.maps["flows"].foreign == 1


class FlowKey(NamedTuple):
    """The key of ``flows`` as an oracle writes it."""

    pid: int
    protocol: int
    port: int
    ip: int


def predict_by_port(events: Sequence[Event], context: Context) -> Any:
    """An oracle: ten bytes an event, the port is the first argument."""
    out: dict[Any, dict[str, int]] = {}
    for event in events:
        key = FlowKey(event.pid, UDP, event.args[0], 0x0100007F)
        if key not in out and len(out) >= context.room("flows"):
            continue
        entry = out.setdefault(key, {"bytes": 0, "packets": 0})
        entry["bytes"] += 10
        entry["packets"] += 1
    return {"flows": out}


def test_both_sides_wrong_in_the_same_way_are_caught_with_the_events_that_led_there(bench: Bench) -> None:
    entries = {flow(port=1): stats(10), flow(port=2): stats(15)}
    bench.add("flows", entries, entries, FLOWS)
    events = [Event(seq=n, hook="syscalls/sys_enter_sendto", pid=OURS, args=(n % 2 + 1,)) for n in range(2)]
    found = bench.run(events, predict_by_port)
    assert found.equal
    assert found.oracle_equal is False
    (difference,) = found.differences
    assert "bytes is 15 in honey, 15 in c, 10 in oracle" in difference.text
    assert [event.seq for event in difference.events] == [1]


def test_a_full_map_holds_the_first_keys_and_no_others(bench: Bench) -> None:
    events = [Event(seq=n, hook="h", pid=OURS, args=(n,)) for n in range(6)]
    full = {flow(port=n): stats(10) for n in range(3)} | {flow(pid=THEIRS): stats(1)}
    bench.add("flows", full, full, FLOWS)
    assert bench.run(events, predict_by_port).oracle_equal
    wrong = {flow(port=n): stats(10) for n in (0, 1, 5)} | {flow(pid=THEIRS): stats(1)}
    bench.add("flows", wrong, wrong, FLOWS)
    assert not bench.run(events, predict_by_port).oracle_equal


@pytest.mark.parametrize(("total", "fine"), [(35, True), (36, False), (9, False)])
def test_a_total_exceeds_the_oracle_by_what_others_did_and_nothing_else(bench: Bench, total: int, fine: bool) -> None:
    entries = {flow(): stats(10), flow(pid=THEIRS): stats(25)}
    bench.add("flows", entries, entries, FLOWS)
    totals = {bytes([UDP]): u64(total)}
    bench.add("totals", totals, totals, {"foreign": {"map": "flows", "sum": ["bytes"]}})
    found = bench.run(oracle=lambda _events, _context: {"totals": {UDP: 10}})
    assert found.equal
    assert found.oracle_equal == fine


def test_totals_that_lost_some_of_what_others_added_are_not_compared_and_say_so(bench: Bench) -> None:
    entries = {flow(): stats(10), flow(pid=THEIRS): stats(25)}
    bench.add("flows", entries, entries, FLOWS)
    rule = {"foreign": {"map": "flows", "sum": ["bytes"]}}
    bench.add("totals", {bytes([UDP]): u64(33)}, {bytes([UDP]): u64(34)}, rule)
    found = bench.run(oracle=lambda _events, _context: {"totals": {UDP: 10}})
    assert found.equal
    assert "updates were lost" in found.maps["totals"].rule.reason
    bench.add("totals", {bytes([UDP]): u64(9)}, {bytes([UDP]): u64(34)}, rule)
    assert not bench.run(oracle=lambda _events, _context: {"totals": {UDP: 10}}).equal


def test_a_map_for_user_space_must_stay_empty(bench: Bench) -> None:
    rule = {"written_by": "user"}
    bench.add("totals", {}, {}, rule)
    assert bench.run(oracle=lambda _events, _context: {}).oracle_equal
    bench.add("totals", {b"\1": u64(1)}, {b"\1": u64(1)}, rule)
    assert not bench.run(oracle=lambda _events, _context: {}).oracle_equal


def test_a_map_that_is_not_compared_says_why(bench: Bench) -> None:
    bench.add("totals", {b"\1": u64(1)}, {}, {"compare": False, "reason": "scratch space"})
    with pytest.raises(RunError, match="nothing to compare"):
        bench.run()
    bench.add("flows", {}, {})
    found = bench.run()
    assert found.equal
    assert found.maps["totals"].rule.reason == "scratch space"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"volatile": {"lst_ns": {"rule": "timestamp", "tolerance_ns": 1}}}, "the value has no field 'lst_ns'"),
        ({"scope": "key.tgid"}, "the key has no field 'tgid'"),
    ],
)
def test_a_rule_for_a_field_that_is_not_there_is_an_error(bench: Bench, rule: Any, words: str) -> None:
    bench.add("flows", {flow(): stats(1)}, {flow(): stats(1)}, rule)
    with pytest.raises(RunError, match=words):
        bench.run()


def test_a_rule_for_a_map_that_is_not_there_is_an_error(bench: Bench) -> None:
    bench.rules["flws"] = {}
    with pytest.raises(RunError, match=r"maps\.flws: C has no such map"):
        bench.run()


def test_a_key_of_another_size_is_an_error(bench: Bench) -> None:
    bench.add("flows", {}, {}, FLOWS)
    bench.files["honey"]["flows"] = bench.files["honey"]["flows"].model_copy(update={"key_size": 16})
    with pytest.raises(RunError, match="key size is 16 in honey, 12 in c"):
        bench.run()


def test_a_million_equal_entries_compare_in_seconds(bench: Bench) -> None:
    ours = [(struct.pack("<IBxHI", OURS, UDP, n & 0xFFFF, n), stats(n, at=2_000 + n % 90)) for n in range(1_000_000)]
    theirs = [(key, value[:16] + u64(2_050)) for key, value in ours]
    random.Random(1).shuffle(theirs)
    bench.add("flows", dict(ours), dict(theirs), FLOWS)
    # The processor's time: what else the machine does is not the comparison's fault.
    before = time.process_time()
    found = bench.run()
    seconds = time.process_time() - before
    assert found.equal
    assert len(found.maps["flows"].sides["c"].values) == 1_000_000
    assert seconds < 20, f"took {seconds:.1f} s"


def test_maps_that_never_stood_still_are_compared_on_the_workloads_own_entries(bench: Bench, tmp_path: Path) -> None:
    ours = {flow(): stats(10)}
    bench.add("flows", ours | {flow(pid=THEIRS): stats(70)}, ours | {flow(pid=THEIRS): stats(71)}, FLOWS)
    totals = {bytes([UDP]): u64(80)}
    bench.add("totals", totals, {bytes([UDP]): u64(81)}, {"foreign": {"map": "flows", "sum": ["bytes"]}})
    assert not bench.run().equal
    evidence = bench.evidence(oracle=lambda _events, _context: {"flows": {FlowKey(OURS, UDP, 53, 0x0100007F): {}}})
    found = compare(align(dict.fromkeys(("honey", "c"), evidence), tmp_path / "aligned", same_run=True))
    assert found.equal
    assert found.oracle_equal
    assert not found.maps["totals"].rule.compare
    assert found.maps["flows"].foreign == 0


def test_runs_of_one_side_at_a_time_are_compared_with_pids_and_times_of_one(
    bench: Bench, flows: BpfObject, tmp_path: Path
) -> None:
    other = 8
    bench.add("flows", {flow(): stats(10, at=START + 500)}, {}, FLOWS)
    events = [Event(seq=0, hook="h", pid=OURS, actor="client")]
    base = bench.evidence(events)
    (tmp_path / "late").mkdir()
    late = Bench(tmp_path / "late", flows)
    late.add("flows", {}, {flow(pid=other): stats(10, at=START + 70_000)}, FLOWS)
    theirs = late.evidence([Event(seq=0, hook="h", pid=other, actor="client")])
    phase = theirs.phase.model_copy(update={"start_ns": START + 69_000, "end_ns": END + 69_000, "pids": (other,)})
    apart = {"c": base, "honey": replace(theirs, phase=phase)}
    assert compare(align(apart, tmp_path / "aligned")).equal
    stranger = replace(apart["honey"], events=[Event(seq=0, hook="h", pid=other, actor="server")])
    with pytest.raises(RunError, match="same actors"):
        align(apart | {"honey": stranger}, tmp_path / "aligned")
