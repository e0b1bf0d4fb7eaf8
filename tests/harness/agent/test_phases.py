# SPDX-License-Identifier: Apache-2.0
"""What the agent brings back from this machine's kernel."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from agent.conftest import RunAgent
from agent.job_folder import SHADOW, compile_program, make_job, solo
from harness.targets.leftovers import leftovers

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("kernel")]

COUNT = 100
BYTES = sum(1 + number % 7 for number in range(COUNT))


def test_all_sides_see_the_same_traffic(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    done = run_agent(make_job(tmp_path / "job", {"honey": counts, "c": counts}))

    assert done.status == 0, done.result
    (phase,) = done.benchmark["phases"]
    (pid,) = phase["pids"]
    for side in ("honey", "c"):
        assert done.entries(side, "by_pid")[struct.pack("<I", pid)] == struct.pack("<Q", COUNT)
        per_cpu = struct.iter_unpack("<Q", done.entries(side, "per_cpu")[struct.pack("<I", 0)])
        assert sum(value for (value,) in per_cpu) >= BYTES
    assert done.entries("honey", "by_pid") == done.entries("c", "by_pid")
    assert done.entries("honey", ".bss") == done.entries("c", ".bss")
    assert phase["stable"]
    assert 0 < phase["start_ns"] < phase["end_ns"]


def test_what_was_done_is_brought_back(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}))

    (phase,) = done.benchmark["phases"]
    with gzip.open(done.folder / phase["events"], "rt") as stream:
        (event,) = map(json.loads, stream)
    assert event["pid"] in phase["pids"]
    assert event["count"] == COUNT


def test_ring_buffers_are_drained_while_running(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    # 10,000 records of 16 bytes are more than the buffer of 64 KiB holds at once.
    work = {"name": "send", "options": {"count": 10_000}}
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}, workload=work))

    phase = done.benchmark["phases"][0]
    stream = phase["streams"]["honey"]["ring:sizes"]
    data = (done.folder / stream["file"]).read_bytes()
    records = [struct.unpack("<III", data[at : at + 12]) for at in range(0, len(data), 12)]
    assert stream["records"] == len(records)
    own = [size for _, size, pid in records if pid == phase["pids"][0]]
    assert own == [1 + number % 7 for number in range(10_000)]


def test_a_solo_round_counts_runs_of_one_side(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    phases = [solo("honey", round=1), solo("c", round=2, dump=True)]
    done = run_agent(make_job(tmp_path / "job", {"honey": counts, "c": counts}, phases))

    first, second = done.benchmark["phases"]
    for phase in (first, second):
        cost = phase["programs"]["count_sendto"]
        assert cost["run_cnt"] >= COUNT
        assert cost["run_time_ns"] > 0
    assert "maps" not in first
    assert set(second["maps"]) == {"c"}
    assert struct.pack("<I", second["pids"][0]) in done.entries("c", "by_pid", phase=1)


def test_each_phase_begins_with_empty_maps(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}, [SHADOW, SHADOW, solo("honey", dump=True)]))

    pids = [set(phase["pids"]) for phase in done.benchmark["phases"]]
    for number, own in enumerate(pids):
        seen = {struct.unpack("<I", key)[0] for key in done.entries("honey", "by_pid", phase=number)}
        others = set().union(*pids) - own
        assert own <= seen
        assert not others & seen


def test_sizes_are_what_the_kernel_says(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    sizes = run_agent(make_job(tmp_path / "job", {"honey": counts})).benchmark["programs"]["honey"]["count_sendto"]

    assert sizes["xlated_insns"] > 30
    assert sizes["verified_insns"] > 30
    assert sizes["jited_bytes"] > sizes["xlated_insns"]
    assert sizes["stack_bytes"] % 8 == 0
    assert sizes["stack_bytes"] >= 24
    assert sizes["total_states"] >= sizes["peak_states"] > 0


def test_a_refused_program_comes_with_the_verifiers_words(run_agent: RunAgent, tmp_path: Path) -> None:
    refused = compile_program("refused", tmp_path)
    done = run_agent(make_job(tmp_path / "job", {"honey": refused}))

    error = done.benchmark["error"]
    assert done.status == 1
    assert (error["step"], error["side"], error["program"]) == ("load", "honey", "careless")
    assert "map_value_or_null" in error["log"]


def test_one_bad_benchmark_does_not_stop_the_next(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts})
    document = json.loads((job / "job.json").read_text())
    good = document["benchmarks"][0]
    broken = {**good, "name": "broken", "sides": [{"name": "honey", "object": "missing.bpf.o"}]}
    document["benchmarks"] = [broken, good]
    (job / "job.json").write_text(json.dumps(document))
    done = run_agent(job)

    assert done.status == 1
    assert "missing.bpf.o" in done.result["benchmarks"][0]["error"]["message"]
    assert done.result["benchmarks"][1]["error"] is None
    assert done.result["benchmarks"][1]["phases"]


def test_pinned_maps_are_each_sides_own_and_go_away(run_agent: RunAgent, tmp_path: Path) -> None:
    pinned = compile_program("pinned", tmp_path)
    done = run_agent(make_job(tmp_path / "job", {"honey": pinned, "c": pinned}))

    assert done.status == 0, done.result
    key = struct.pack("<I", done.benchmark["phases"][0]["pids"][0])
    # A shared map would have been counted in twice.
    assert done.entries("honey", "calls")[key] == done.entries("c", "calls")[key] == struct.pack("<Q", COUNT)
    assert not [each.what for each in leftovers() if each.kind == "pin"]


def test_printed_lines_are_kept(run_agent: RunAgent, tmp_path: Path) -> None:
    pinned = compile_program("pinned", tmp_path)
    done = run_agent(make_job(tmp_path / "job", {"honey": pinned}))

    phase = done.benchmark["phases"][0]
    text = (done.folder / phase["streams"]["honey"]["trace"]["file"]).read_text()
    assert text.count(f"a call of {phase['pids'][0]}") == COUNT


def test_contents_set_up_beforehand_are_there_in_each_phase(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    presets = {"by_pid": [{"key": "01000000", "value": "0500000000000000"}]}
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}, [SHADOW, SHADOW], presets=presets))

    assert done.status == 0, done.result
    for phase in (0, 1):
        entries = done.entries("honey", "by_pid", phase=phase)
        assert entries[bytes([1, 0, 0, 0])] == struct.pack("<Q", 5)


def test_a_failing_workload_is_named(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    done = run_agent(make_job(tmp_path / "job", {"honey": counts}, workload={"name": "fail", "options": {}}))

    error = done.benchmark["error"]
    assert error["step"] == "drive workload"
    assert "fail" in error["message"]
    assert "the network is down" in error["message"]


def test_an_unknown_schema_is_refused(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts})
    document = json.loads((job / "job.json").read_text())
    (job / "job.json").write_text(json.dumps({**document, "schema": 99}))
    done = run_agent(job)

    assert done.status == 1
    assert "99" in done.result["error"]["message"]


def test_a_cpu_that_is_not_there_is_an_error(run_agent: RunAgent, counts: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", {"honey": counts})
    document = json.loads((job / "job.json").read_text(encoding="utf-8"))
    (job / "job.json").write_text(json.dumps({**document, "cpu": 9999}), encoding="utf-8")
    done = run_agent(job)
    assert done.status == 1
    assert done.result["error"]["message"].startswith("there is no CPU 9999 that may be used; there are ")
