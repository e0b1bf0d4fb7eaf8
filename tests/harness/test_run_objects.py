# SPDX-License-Identifier: Apache-2.0
"""Finished objects, and bundles of runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from run_bench import REFERENCE, ROOT, Harness, harness_command, latest, wrong_port

from harness.build import compile_c, find_compiler
from harness.checkout import find_checkout
from harness.vmlinux import vmlinux_header


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


def test_two_finished_objects_that_cannot_be_driven_leave_no_report(reference_object: Path, tmp_path: Path) -> None:
    rest: list[str | Path] = ["--target", "sim", "--reports", tmp_path / "reports"]
    done = harness_command("run", "--left", reference_object, "--right", reference_object, "--workload", "upd", *rest)
    assert done.returncode == 2
    assert done.stderr.startswith("harness: there is no workload 'upd'\nhint: there are: files, ")
    done = harness_command("run", "--left", reference_object, "--right", REFERENCE, "--workload", "udp", *rest)
    assert done.returncode == 2
    assert "network_monitor.bpf.c: not a readable ELF file" in done.stderr
    assert not (tmp_path / "reports").exists()


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
    return harness_command("replay", bundle, "--reports", folder / "again")


def test_two_finished_objects_are_driven_by_a_workload(reference_object: Path, tmp_path: Path) -> None:
    sides: list[str | Path] = ["--left", reference_object, "--right", reference_object, "--workload", "udp"]
    done = harness_command(
        "run", *sides, "--timestamp", "last_update_ns", "--target", "sim", "--reports", tmp_path / "reports"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = latest(tmp_path)
    assert report.parity.maps["pid_stats"].entries == 2
    done = harness_command("run", *sides, "--timestamp", "when", "--target", "sim")
    assert done.returncode == 2
    assert "has a field when" in done.stderr
