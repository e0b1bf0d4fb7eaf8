# SPDX-License-Identifier: Apache-2.0
"""Whole runs: what holds is said to hold, what goes wrong is said in a sentence, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from run_bench import HONEY, REFERENCE, ROOT, Harness, latest, pair, wrong_port

from harness.report.store import load_report


@pytest.mark.kernel
def test_a_program_holds_against_itself_with_all_figures(harness: Harness, tmp_path: Path, target: str) -> None:
    print(f"on target {target}")
    done = harness(REFERENCE, "--json", str(tmp_path / "copy.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    found = latest(tmp_path)
    assert found.parity.equal
    assert found.parity.oracle_equal
    assert found.parity.events > 300
    assert {name: one.differences for name, one in found.parity.maps.items()} == {
        "traffic_map": 0,
        "protocol_totals": 0,
        "pid_stats": 0,
        "anomaly_map": 0,
    }
    assert set(found.programs) == {"trace_sendto", "trace_recvfrom", "trace_sendmsg", "trace_recvmsg"}
    for sides in found.programs.values():
        for figures in sides.values():
            assert figures.object_insns
            assert figures.xlated_insns
            assert figures.jited_bytes
            assert figures.stack_bytes
            assert figures.verified_insns
            assert figures.ns_per_event
            for metric in ("cpu_insns_per_event", "cpu_cycles_per_event", "cache_misses_per_event"):
                assert (getattr(figures, metric) is None) == (metric in figures.unavailable)
    monitored = {one.field: one for one in found.truth}
    assert monitored["bytes_sent"].monitored != monitored["bytes_sent"].moved
    assert load_report(tmp_path / "copy.json").status == 0


@pytest.mark.kernel
def test_the_honey_port_holds(harness: Harness, tmp_path: Path) -> None:
    done = harness(HONEY)
    assert done.returncode == 0, done.stdout + done.stderr
    found = latest(tmp_path)
    assert found.parity.equal
    assert found.parity.oracle_equal
    assert found.sides["honey"].emitted_lines


@pytest.mark.kernel
@pytest.mark.parametrize(("fault", "status"), [("", 0), ("packets counted twice", 1)])
def test_sides_that_ran_one_at_a_time_are_compared_as_well(
    harness: Harness, tmp_path: Path, fault: str, status: int
) -> None:
    done = harness(wrong_port(tmp_path, fault) if fault else REFERENCE, "--mode", "solo", "--cost-blocks", "0")
    assert done.returncode == status, done.stdout + done.stderr
    found = latest(tmp_path)
    assert found.parity.equal == (not fault)
    assert found.parity.maps["traffic_map"].entries > 10


def test_a_simulated_run_holds_and_counts_the_same_every_time(harness: Harness, tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        done = harness(on="sim")
        assert done.returncode == 0, done.stdout + done.stderr
        found = latest(tmp_path)
        assert found.kernel == "simulated"
        assert found.parity.oracle_equal
        counts.append({name: sides["c"].executed_insns_per_event for name, sides in found.programs.items()})
        assert all(counts[-1].values())
        assert "kernel" in found.programs["trace_sendto"]["c"].unavailable["xlated_insns"]
    assert counts[0] == counts[1]


@pytest.mark.kernel
def test_a_program_that_the_kernel_refuses_is_shown_with_the_verifiers_words(harness: Harness, tmp_path: Path) -> None:
    source = REFERENCE.read_text(encoding="utf-8")
    refused = tmp_path / "refused.bpf.c"
    refused.write_text(source.replace("if (total) {", "if (1) {"), encoding="utf-8")
    done = harness(refused)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    error = latest(tmp_path).error
    assert error is not None
    assert error.side == "honey"
    assert "map_value_or_null" in (error.log or "")


def test_a_source_that_does_not_compile_is_shown_with_clangs_words(harness: Harness, tmp_path: Path) -> None:
    broken = tmp_path / "broken.bpf.c"
    broken.write_text("int x = ;\n", encoding="utf-8")
    done = harness(broken)
    assert done.returncode == 2
    assert "broken.bpf.c:1:9: error: expected expression" in done.stdout
    assert "Traceback" not in done.stderr
    report = load_report(tmp_path / "reports" / "latest")
    assert report.error is not None
    assert report.error.step == "build"


def test_a_pair_that_is_not_alike_in_shape_is_refused_before_it_is_measured(harness: Harness, tmp_path: Path) -> None:
    other = tmp_path / "other.bpf.c"
    source = REFERENCE.read_text(encoding="utf-8")
    other.write_text(source.replace("#define MAX_FLOWS 10240", "#define MAX_FLOWS 99"), encoding="utf-8")
    done = harness(other)
    assert done.returncode == 2
    assert "maps.traffic_map.max_entries is 99 in honey, 10240 in c" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "no_such_pair"], "there is no benchmark called 'no_such_pair'"),
        (["run", "--target", "lcal"], "did you mean local?"),
        (["run", "--compiler", "no-such-clang"], "no compiler 'no-such-clang' here"),
        (["run", "--modules", "nowhere"], "--modules needs --kernel"),
        (["run", "--cost-blocks", "-1"], "'-1' is no whole number from 0 on"),
        (["run", "--shard", "1/2"], "--shard is a part of a matrix"),
        (["run", "--timestamp", "last_ns"], "are for two finished objects"),
        (["run", "--left", "a.o", "--right", "b.o", "--like", "p", "--timestamp", "t"], "--timestamp goes with"),
        (["run", "--matrix", "seeds=1", "--bundle", "b"], "a bundle is made of one run"),
        (
            ["run", "--matrix", "seeds=1", "--left", "a.o", "--right", "b.o", "--workload", "udp"],
            "a matrix is made of benchmarks",
        ),
        (["kernels", "fetch", "4.4"], "there is no kernel '4.4'"),
        (["kernels", "build", "nowhere"], "nowhere is neither a folder nor a file"),
    ],
)
def test_a_wrong_command_line_is_answered_in_a_sentence(arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def programs_loaded() -> int:
    done = subprocess.run(["bpftool", "prog", "list"], capture_output=True, text=True, check=True)
    return sum(not line.startswith((" ", "\t")) for line in done.stdout.splitlines())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be within 30 s"
        time.sleep(0.05)


@pytest.mark.kernel
@pytest.mark.skipif(shutil.which("bpftool") is None, reason="bpftool is not installed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, target: str, number: signal.Signals) -> None:
    before = programs_loaded()
    benchmark = tmp_path / "pair.toml"
    benchmark.write_text(pair(events=200_000), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", target]
    command += ["--reports", str(tmp_path / "reports")]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if target == "local":
        wait_for(lambda: programs_loaded() >= before + 8)
    else:
        time.sleep(3)

    def asked_again() -> bool:
        process.send_signal(number)
        return process.poll() is not None

    # Who is impatient asks more than once.
    wait_for(asked_again)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert not list(temporary.iterdir())
    # The kernel frees a program a moment after the last reference to it is gone.
    wait_for(lambda: programs_loaded() == before)
    assert not (tmp_path / "reports" / "latest").exists()
    assert not list((tmp_path / "reports").glob(".run-*"))
