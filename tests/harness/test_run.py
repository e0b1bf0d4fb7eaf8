# SPDX-License-Identifier: Apache-2.0
"""Whole runs on a kernel: what holds is said to hold, and a wrong port is found, each kind of wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.build import compile_c, find_compiler
from harness.checkout import find_checkout
from harness.report import model
from harness.report.store import load_report
from harness.vmlinux import vmlinux_header

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference_c/network_monitor/network_monitor.bpf.c"
HONEY = ROOT / "honey/ports/network_monitor.ex"

BENCHMARK = """
schema = 1
name = "pair"
oracle = "network_monitor"
truth = "pid_stats"
[sides]
honey = {{ source = "{honey}" }}
c = {{ source = "{c}" }}
[workload]
name = "network"
cost_options = {{ profile = "cost", events = 50 }}
[maps.traffic_map]
scope = "key.pid"
label = "pid {{pid}}, {{protocol:ipproto}}, {{ip:ipv4}}:{{port}}"
volatile."value.last_update_ns" = {{ rule = "timestamp", tolerance_ns = 50_000_000 }}
[maps.protocol_totals]
foreign = {{ map = "pid_stats", sum = ["bytes_sent", "bytes_recv"] }}
[maps.pid_stats]
scope = "key"
volatile."value.last_update_ns" = {{ rule = "timestamp", tolerance_ns = 50_000_000 }}
[maps.anomaly_map]
written_by = "user"
"""

#: A fault, as what is replaced in the reference and by what, and words that the report must say about it.
FAULTS = {
    "bytes booked on the wrong side": (
        'book(&key, RECEIVED, bytes);\n\treturn 0;\n}\n\nSEC("tracepoint/syscalls/sys_enter_sendmsg")',
        'book(&key, SENT, bytes);\n\treturn 0;\n}\n\nSEC("tracepoint/syscalls/sys_enter_sendmsg")',
        "bytes_recv is 0 in honey",
    ),
    "port left in network order": ("bpf_ntohs(peer.sin_port)", "peer.sin_port", "missing in honey"),
    "padding not zeroed": (
        "__builtin_memset(key, 0, sizeof(*key));",
        "__builtin_memset(key, 0xaa, sizeof(*key));\n\tkey->port = 0;\n\tkey->ip = 0;",
        "the key's padding is not zero in honey",
    ),
    "packets counted twice": ("stats->packets_sent += 1", "stats->packets_sent += 2", "packets_sent is"),
    "no time": ("stats->last_update_ns = bpf_ktime_get_ns()", "stats->last_update_ns = 0", "last_update_ns is 0"),
    "empty receives forgotten": ("if (bytes == 0)\n\t\tbytes = 1;", "", "bytes_recv is"),
}

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def target() -> str:
    """Where whole runs take place: this machine's kernel where that is possible, else a virtual machine."""
    return "local" if os.geteuid() == 0 and Path("/sys/kernel/btf/vmlinux").exists() else "vm"


@pytest.fixture
def harness(tmp_path: Path, target: str) -> Harness:
    """Runs ``harness run`` on a benchmark with the given Honey side."""

    def call(
        honey: Path = REFERENCE, *options: str, c: Path = REFERENCE, on: str = target
    ) -> subprocess.CompletedProcess[str]:
        benchmark = tmp_path / "pair.toml"
        benchmark.write_text(BENCHMARK.format(honey=honey, c=c), encoding="utf-8")
        command = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", on]
        command += ["--no-guest-insns", "--reports", str(tmp_path / "reports"), *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    return call


def latest(folder: Path) -> model.BenchmarkReport:
    (benchmark,) = load_report(folder / "reports" / "latest").benchmarks
    return benchmark


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
    monitored = {one.field: one for one in found.truth}
    assert monitored["bytes_sent"].monitored != monitored["bytes_sent"].moved
    assert load_report(tmp_path / "copy.json").status == 0


def wrong_port(folder: Path, fault: str) -> Path:
    """The reference with a fault in it."""
    old, new, _ = FAULTS[fault]
    source = REFERENCE.read_text(encoding="utf-8")
    assert source.count(old) == 1
    wrong = folder / "wrong.bpf.c"
    wrong.write_text(source.replace(old, new), encoding="utf-8")
    return wrong


def assert_found(done: subprocess.CompletedProcess[str], found: model.BenchmarkReport, fault: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert not found.parity.equal
    texts = [difference.text for difference in found.differences]
    assert any(FAULTS[fault][2] in text for text in texts), texts
    assert any(difference.events for difference in found.differences)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_port_is_found_without_a_kernel(harness: Harness, tmp_path: Path, fault: str) -> None:
    done = harness(wrong_port(tmp_path, fault), on="sim")
    assert_found(done, latest(tmp_path), fault)


#: Faults in the Honey port, as patterns that fit however it is written: what is replaced and by what, and words that
#: the report must say.
HONEY_FAULTS = {
    "bytes booked on the wrong side": (r"(?<!:)\bbytes_recv\b", "bytes_sent", "bytes_recv is 0 in honey"),
    "port cut to a byte": (r"Net\.ntohs\(([\w.]+)\)", r"(Net.ntohs(\1) &&& 0xFF)", "missing in honey"),
    "packets counted twice": (r"(?<!:)\bpackets_recv\b([^\n]*?)\b1\b", r"packets_recv\g<1>2", "packets_recv is"),
    "no time": (r"BpfHelpers\.(?:bpf_)?ktime_get_ns\(\)", "0", "last_update_ns is 0"),
}


def wrong_honey(folder: Path, pattern: str, new: str) -> Path:
    """The Honey port with something replaced."""
    source = HONEY.read_text(encoding="utf-8")
    text, times = re.subn(pattern, new, source)
    assert times
    wrong = folder / "wrong.ex"
    wrong.write_text(text, encoding="utf-8")
    return wrong


@pytest.mark.parametrize("fault", HONEY_FAULTS)
def test_a_wrong_honey_port_is_found(harness: Harness, tmp_path: Path, fault: str) -> None:
    pattern, new, words = HONEY_FAULTS[fault]
    done = harness(wrong_honey(tmp_path, pattern, new), on="sim")
    assert done.returncode == 1, done.stdout + done.stderr
    found = latest(tmp_path)
    assert not found.parity.equal
    texts = [difference.text for difference in found.differences]
    assert any(words in text for text in texts), texts


def test_a_honey_port_that_does_not_compile_is_shown_with_its_diagnostic(harness: Harness, tmp_path: Path) -> None:
    done = harness(wrong_honey(tmp_path, r"Net\.ntohs\(([\w.]+)\)", r"\1"), on="sim")
    assert done.returncode == 2
    assert "Honey.Net" in done.stdout
    assert "wrong.ex" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.kernel
def test_the_honey_port_holds(harness: Harness, tmp_path: Path) -> None:
    done = harness(HONEY)
    assert done.returncode == 0, done.stdout + done.stderr
    found = latest(tmp_path)
    assert found.parity.equal
    assert found.parity.oracle_equal
    assert found.sides["honey"].emitted_lines


@pytest.mark.kernel
@pytest.mark.parametrize("fault", ["port left in network order", "padding not zeroed"])
def test_a_wrong_port_is_found_on_a_kernel(harness: Harness, tmp_path: Path, fault: str) -> None:
    done = harness(wrong_port(tmp_path, fault))
    assert_found(done, latest(tmp_path), fault)


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


def test_the_same_mistake_on_both_sides_is_found_by_the_oracle(harness: Harness, tmp_path: Path) -> None:
    wrong = wrong_port(tmp_path, "port left in network order")
    done = harness(wrong, c=wrong, on="sim")
    assert done.returncode == 1, done.stdout + done.stderr
    assert latest(tmp_path).parity.equal
    assert latest(tmp_path).parity.oracle_equal is False


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


def test_a_bundle_is_run_again_and_comes_out_the_same(harness: Harness, tmp_path: Path) -> None:
    bundle = tmp_path / "evidence.tar.zst"
    done = harness(REFERENCE, "--bundle", str(bundle), on="sim")
    assert done.returncode == 0, done.stdout + done.stderr
    again = replay(bundle, tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "it came out the same" in again.stdout


def test_a_bundle_of_a_run_that_did_not_hold_says_so_again(harness: Harness, tmp_path: Path) -> None:
    bundle = tmp_path / "evidence.tar.zst"
    harness(wrong_port(tmp_path, "packets counted twice"), "--bundle", str(bundle), on="sim")
    again = replay(bundle, tmp_path)
    assert again.returncode == 0
    assert "packets_sent is" in again.stdout


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    no_bundle = tmp_path / "x.tar.zst"
    no_bundle.write_bytes(b"not a bundle")
    done = replay(no_bundle, tmp_path)
    assert done.returncode == 2
    assert "is no evidence bundle" in done.stderr


def harness_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="session")
def reference_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference as a finished object."""
    checkout = find_checkout(ROOT)
    output = tmp_path_factory.mktemp("reference") / "reference.bpf.o"
    compile_c(REFERENCE, output, checkout=checkout, compiler=find_compiler(), vmlinux=vmlinux_header())
    return output


def test_two_finished_objects_are_compared_by_the_rules_of_a_benchmark(reference_object: Path, tmp_path: Path) -> None:
    sides: list[str | Path] = ["--left", reference_object, "--right", reference_object, "--like", "network_monitor"]
    done = harness_command("run", *sides, "--target", "sim", "--reports", tmp_path / "reports")
    assert done.returncode == 0, done.stdout + done.stderr
    assert latest(tmp_path).parity.oracle_equal


def test_two_finished_objects_need_something_that_drives_them(reference_object: Path) -> None:
    done = harness_command("run", "--left", reference_object, "--right", reference_object)
    assert done.returncode == 2
    assert "--workload NAME or --like PAIR" in done.stderr


def test_an_object_is_described_without_a_kernel(reference_object: Path) -> None:
    done = harness_command("inspect", reference_object, "--lines")
    assert done.returncode == 0, done.stderr
    for words in ("trace_sendto", "tracepoint/syscalls/sys_enter_sendto", "struct traffic_key", "map calls"):
        assert words in done.stdout
    assert "network_monitor.bpf.c:" in done.stdout
    assembly = harness_command("inspect", reference_object, "--assembly", "trace_recvmsg")
    assert "call bpf_map_lookup_elem" in assembly.stdout


@pytest.mark.kernel
def test_an_object_is_described_by_a_kernel_that_loads_it(reference_object: Path, target: str) -> None:
    done = harness_command("inspect", reference_object, "--target", target)
    assert done.returncode == 0, done.stderr
    assert "verified insns" in done.stdout


def test_what_is_no_object_is_refused_in_a_sentence() -> None:
    done = harness_command("inspect", REFERENCE)
    assert done.returncode == 2
    assert "not a readable ELF file" in done.stderr


def replay(bundle: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", "replay", str(bundle), "--reports", str(folder / "again")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


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
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, target: str, number: signal.Signals) -> None:
    before = programs_loaded()
    benchmark = tmp_path / "pair.toml"
    text = BENCHMARK.format(honey=REFERENCE, c=REFERENCE).replace("events = 50", "events = 200_000")
    benchmark.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", target]
    command += ["--reports", str(tmp_path / "reports")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if target == "local":
        wait_for(lambda: programs_loaded() >= before + 8)
    else:
        time.sleep(3)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    # The kernel frees a program a moment after the last reference to it is gone.
    wait_for(lambda: programs_loaded() == before)
    assert not (tmp_path / "reports" / "latest").exists()
    assert not list((tmp_path / "reports").glob(".run-*"))
