# SPDX-License-Identifier: Apache-2.0
"""The simulator by itself: hooks, contexts, streams, per-CPU maps, faults, counts, speed. No kernel is needed."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.objects import BpfObject, read_object
from harness.sim import Clock, Machine, SimulationError
from workloads.events import Event

Compile = Callable[..., Path]
M64 = (1 << 64) - 1
EXEC = struct.Struct("<QI16s20s")


@pytest.fixture(scope="module")
def tracing(compile_program: Compile) -> BpfObject:
    return read_object(compile_program("tracing"))


@pytest.fixture
def machine(tracing: BpfObject) -> Machine:
    return Machine(tracing, cpus=2, clock=Clock(start_ns=1_000_000_000, step_ns=10))


def system_call(number: int, third: int) -> Event:
    return Event(0, "raw_syscalls/sys_enter", pid=5, args=(1, 2, third, 0, 0, 0), fields={"id": number})


def test_system_calls_reach_their_handler_with_number_and_arguments(machine: Machine) -> None:
    machine.dispatch(system_call(44, 3))
    machine.dispatch(system_call(44, 4))
    machine.dispatch(system_call(600, 4))
    assert {key: value for key, value in machine.contents("calls").items() if value} == {44: 7}


def test_an_event_that_happened_often_runs_as_often(machine: Machine) -> None:
    event = Event(0, "syscalls/sys_exit_write", pid=5, args=(-9 & M64,), count=1000)
    runs = machine.dispatch(event)
    assert len(runs) == 1000
    assert machine.contents("failures") == {5: [1000, 0]}
    assert machine.now == 1_000_000_000 + 1000 * 10


def test_each_cpu_has_its_own_value(machine: Machine) -> None:
    for cpu in (0, 1, 1):
        machine.dispatch(Event(0, "syscalls/sys_exit_write", pid=5, args=(-9 & M64,), fields={"cpu": cpu}))
    assert machine.contents("failures") == {5: [1, 2]}


def test_events_of_other_hooks_reach_nobody(machine: Machine) -> None:
    good, bad = (machine.dispatch(Event(0, "syscalls/sys_exit_write", args=(n & M64,)))[0].insns for n in (3, -9))
    assert good < bad
    machine.reset()
    assert machine.dispatch(Event(0, "syscalls/sys_exit_read", args=(3,))) == []
    assert machine.contents("failures") == {}


def test_printed_lines_look_like_the_trace_pipe(machine: Machine) -> None:
    machine.dispatch(Event(0, "syscalls/sys_exit_write", pid=5, tid=6, comm="cat", args=(-9 & M64,)))
    (line,) = machine.streams()["trace"]
    assert line.decode() == (
        "             cat-6       [000] .....     1.000000: bpf_trace_printk: write of 5: -9, call 1"
    )


def executed(pid: int, old_pid: int, file: str) -> Event:
    fields = {"filename": file, "pid": pid, "old_pid": old_pid}
    return Event(0, "sched/sched_process_exec", pid=pid, comm="shell", fields=fields)


def test_a_tracepoints_fields_and_strings_reach_the_ring_buffer(machine: Machine) -> None:
    machine.dispatch(executed(9, 9, "/bin/true"))
    machine.dispatch(executed(10, 3, "/bin/discarded"))
    machine.dispatch(executed(11, 11, "/a/name/that/is/too/long"))
    first, second = (EXEC.unpack_from(record) for record in machine.streams()["ring:executed"])
    assert first == (1_000_000_010, 9, b"shell".ljust(16, b"\0"), b"/bin/true".ljust(20, b"\0"))
    assert second[1:2] + second[3:] == (11, b"/a/name/that/is/too\0")


def test_fields_can_be_given_in_order_as_well(machine: Machine) -> None:
    machine.dispatch(Event(0, "sched/sched_switch", args=(0, 4, 120, 1, 0, 6, 120)))
    names = {"prev_comm": "a", "prev_pid": 5, "prev_state": 3, "next_comm": "b", "next_pid": 7}
    runs = machine.dispatch(Event(0, "sched/sched_switch", fields=names))
    assert runs[0].result == 3
    assert machine.streams()["perf:switches"] == [struct.pack("<II", 6, 4), struct.pack("<II", 7, 5)]


def test_a_full_ring_buffer_takes_no_more_until_it_is_read(machine: Machine) -> None:
    # 4096 bytes, of which records of 512 with their headers take 520 each, and one byte must stay free.
    for _ in range(2):
        assert machine.dispatch(Event(0, "sched/sched_process_fork"))[0].result == 7
    assert len(machine.streams()["ring:executed"]) == 14


@pytest.mark.parametrize(
    ("hook", "text", "words"),
    [
        ("behind_a_value", "seen[1]", "outside"),
        ("unchecked", "*seen", "outside"),
        ("unknown_helper", "bpf_get_stack", "not simulated"),
    ],
)
def test_a_fault_names_the_source_line_and_leaves_the_machine_usable(
    machine: Machine, hook: str, text: str, words: str
) -> None:
    run = machine.dispatch(Event(0, f"faults/{hook}"))[0]
    assert run.fault is not None
    assert run.fault.line is not None
    assert text in run.fault.line.text
    assert words in run.fault.message
    assert machine.dispatch(Event(0, "counts/constant"))[0].result == 7


def test_instructions_are_counted_by_program_line_and_path(machine: Machine) -> None:
    runs = [machine.dispatch(system_call(number, 1))[0] for number in (1, 600, 2)]
    found, missing, again = (run.insns for run in runs)
    assert found == again > missing
    profile = machine.profile("count_call")
    assert (profile.runs, profile.insns) == (3, 2 * found + missing)
    assert [(path.times, path.insns) for path in profile.paths()] == [(2, found), (1, missing)]
    by_text = {line.text: profile.executed_by_line()[line.file, line.line] for line in profile.linked.lines if line}
    assert by_text["return 0;"] == 6
    assert sum(profile.executed_by_line().values()) == profile.insns


def test_the_same_events_give_the_same_counts_and_maps(tracing: BpfObject) -> None:
    results = []
    for _ in range(2):
        machine = Machine(tracing)
        for number in range(40):
            machine.dispatch(system_call(number, number))
            machine.dispatch(executed(number, number, "/bin/true"))
        counts = [machine.profile(name).executed_by_slot() for name in machine.programs]
        results.append((counts, machine.contents("calls"), machine.streams()))
    assert results[0] == results[1]


def test_reset_empties_everything(machine: Machine) -> None:
    machine.dispatch(system_call(44, 3))
    machine.dispatch(executed(9, 9, "/bin/true"))
    machine.reset()
    assert not any(machine.contents("calls").values())
    assert machine.streams()["ring:executed"] == []
    assert machine.profile("count_call").insns == 0


def test_what_is_not_there_is_said(machine: Machine, tracing: BpfObject) -> None:
    with pytest.raises(SimulationError, match="no program nothing"):
        machine.run("nothing", b"")
    with pytest.raises(SimulationError, match="no program nothing"):
        Machine(tracing, programs=["nothing"])
    with pytest.raises(SimulationError, match="without its result"):
        machine.dispatch(Event(7, "syscalls/sys_exit_write"))


def test_three_hundred_thousand_instructions_a_second(compile_program: Compile) -> None:
    machine = Machine(read_object(compile_program("traffic")))
    address = (0x10_0000_0000, struct.pack("<HHI8x", 2, 0x5000, 0x0100007F))
    events = [
        Event(n, "syscalls/sys_enter_sendto", pid=n % 50 + 1, args=(3, 0, 31, 0, address[0], 16), memory=(address,))
        for n in range(3000)
    ]
    started = time.process_time()
    insns = sum(run.insns for event in events for run in machine.dispatch(event))
    rate = insns / (time.process_time() - started)
    assert insns > 300_000
    assert rate > 300_000, f"{rate:,.0f} instructions a second"
