# SPDX-License-Identifier: Apache-2.0
"""Hardware counters around programs, on this machine's kernel; where the machine has none, that this is said."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.conftest import RunAgent
from agent.job_folder import compile_program, make_job
from harness.agent.perf import COUNTERS, NoCounters, open_counters
from harness.build_empty import build_empty
from harness.objects import read_object

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("kernel")]

COUNT = 300
WORK = {"name": "send", "options": {"count": COUNT}}


def counters(side: str) -> dict[str, Any]:
    return {"kind": "counters", "side": side, "round": 1}


@pytest.fixture
def offered() -> None:
    """Skips where the CPU's counters cannot be had."""
    try:
        with ExitStack() as release:
            open_counters(release, pid=-1, cpu=0, enabled=True)
    except NoCounters as reason:
        pytest.skip(str(reason))


def test_counters_are_read_or_it_is_said_why_not(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}, [counters("honey")], WORK))

    assert done.status == 0, done.result
    (phase,) = done.benchmark["phases"]
    if "unavailable" in phase:
        assert "counters" in phase["unavailable"]
        assert "counters" not in phase
    else:
        assert set(phase["counters"]["count_sendto"]) == {"runs", *COUNTERS}


@pytest.mark.usefixtures("offered")
def test_a_program_costs_more_than_an_empty_one(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    obj = read_object(counts)
    empty = build_empty(obj.programs, tmp_path / "empty.bpf.o", clang="clang")
    phases = [counters(side) for side in ("honey", "empty") * 5]
    done = run_agent(make_job(tmp_path / "job", {"honey": counts, "empty": empty}, phases, WORK))

    assert done.status == 0, done.result
    found = [phase["counters"]["count_sendto"] for phase in done.benchmark["phases"]]
    rounds = [[one for one in found[at::2] if one["runs"] >= COUNT] for at in (0, 1)]
    if not all(rounds):
        pytest.skip("other programs of this machine had the counters for a while in every round")
    # Interrupts are counted as well: the round with the fewest tells most.
    honey, nothing = (min(one["instructions"] / one["runs"] for one in side) for side in rounds)
    # The program has 40 instructions and calls five helpers; its machine code is no shorter.
    assert honey - nothing > 100


@pytest.mark.usefixtures("offered")
def test_counting_leaves_the_programs_work_as_it_is(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    phases = [counters("honey"), {"kind": "solo", "side": "honey", "round": 2, "dump": True}]
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}, phases, WORK))

    (pid,) = done.benchmark["phases"][1]["pids"]
    assert done.entries("honey", "by_pid", phase=1)[struct.pack("<I", pid)] == struct.pack("<Q", COUNT)


@pytest.mark.usefixtures("offered")
def test_programs_that_are_not_on_tracepoints_are_named(run_agent: RunAgent, tmp_path: Path) -> None:
    source = tmp_path / "raw.bpf.c"
    source.write_text(
        '__attribute__((section("raw_tracepoint/sys_enter"), used)) int on_raw(void *ctx) { return 0; }\n'
        'char LICENSE[] __attribute__((section("license"), used)) = "Dual BSD/GPL";\n',
        encoding="ascii",
    )
    raw = compile_program("raw", tmp_path, source=source)
    done = run_agent(make_job(tmp_path / "job", {"honey": raw}, [counters("honey")], WORK))

    assert done.status == 0, done.result
    assert done.benchmark["phases"][0]["unavailable"] == "programs of this kind are not counted"
