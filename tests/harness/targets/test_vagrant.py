# SPDX-License-Identifier: Apache-2.0
"""The target ``vagrant``, for real: libvirt without KVM in namespaces of its own, up, a run, a snapshot, destroy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_bench import ROOT, pair

from harness.errors import HarnessError
from harness.report.model import Report
from harness.report.store import load_report
from harness.targets import TargetError, open_target
from harness.targets.leftovers import leftovers
from harness.targets.vagrant import After
from harness.targets.vagrant_machine import machine_folder

TOOLS = ("vagrant", "libvirtd", "virsh", "dnsmasq", "qemu-img", "mmdebstrap", "ssh", "nsenter")

missing = [tool for tool in TOOLS if shutil.which(tool) is None]
for_real = pytest.mark.skipif(
    bool(missing) or os.geteuid() != 0,
    reason=f"a Vagrant machine needs root and `make vagrant-tools`; missing: {', '.join(missing) or 'root'}",
)


@pytest.fixture(scope="module")
def box() -> Path:
    """The box in the cache, built if need be."""
    path = machine_folder() / "honey-parity.box"
    if not path.is_file():
        subprocess.run([ROOT / "vagrant/build-box", "-o", str(path)], check=True, timeout=600)
    return path


@pytest.fixture(scope="module")
def environment(box: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """For runs with a machine of the tests' own, which is gone at the end."""
    cache = tmp_path_factory.mktemp("cache")
    yield {**os.environ, "XDG_CACHE_HOME": str(cache), "HONEY_BOX": str(box), "HONEY_KVM": "0"}
    shutil.rmtree(cache, ignore_errors=True)


def command(target: str, reports: Path) -> list[str]:
    benchmark = reports / "pair.toml"
    # C on both sides: what is tested here is the machine.
    benchmark.write_text(pair(), encoding="utf-8")
    words = [sys.executable, "-m", "harness.cli", "run", str(benchmark), "--target", target]
    return [*words, "--cost-blocks", "0", "--reports", str(reports)]


def run(target: str, reports: Path, environment: dict[str, str]) -> Report:
    done = subprocess.run(
        command(target, reports), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert "parity holds" in done.stdout, done.stdout + done.stderr
    return load_report(reports / "latest")


def libvirts() -> list[str]:
    """Every libvirt of a run's own, and its guests, that still runs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if "private-libvirt" in words or ("qemu-system" in words and "honey-parity-default" in words):
            found.append(words)
    return found


@for_real
def test_up_run_restore_killed_restored_destroyed(tmp_path: Path, environment: dict[str, str]) -> None:
    first = run("vagrant", tmp_path, environment)
    assert first.timings["vagrant_up"] > 0
    assert first.benchmarks[0].parity.oracle_equal
    assert not libvirts()

    second = run("vagrant", tmp_path, environment)
    assert "vagrant_up" not in second.timings
    assert second.timings["vagrant_restore"] < second.timings["vagrant_start"] < first.timings["vagrant_start"] / 2
    assert second.machine.kernel == first.machine.kernel

    process = subprocess.Popen(command("vagrant", tmp_path), cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any("qemu-system" in words for words in libvirts()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while libvirts() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not libvirts(), "the guest outlived the run that was killed"

    third = run("vagrant:destroy", tmp_path, environment)
    assert "vagrant_restore" in third.timings
    folder = Path(environment["XDG_CACHE_HOME"]) / "honey-parity/vagrant"
    assert not (folder / "machine").exists()
    assert not list((folder / "libvirt/images").glob("honey-parity-default*"))
    assert not [one for one in leftovers() if one.kind in {"guest", "agent"}]


@for_real
@pytest.mark.slow
def test_a_machine_whose_state_was_lost_is_made_anew(tmp_path: Path, environment: dict[str, str]) -> None:
    run("vagrant", tmp_path, environment)
    shutil.rmtree(Path(environment["XDG_CACHE_HOME"]) / "honey-parity/vagrant/machine")
    assert run("vagrant:destroy", tmp_path, environment).timings["vagrant_up"] > 0


@for_real
@pytest.mark.slow
def test_a_box_is_built_from_packages(tmp_path: Path) -> None:
    out = tmp_path / "own.box"
    subprocess.run([ROOT / "vagrant/build-box", "-o", str(out)], check=True, timeout=600)
    with tarfile.open(out) as archive:
        assert {"metadata.json", "Vagrantfile", "vmlinuz", "initrd.img", "box.img"} == set(archive.getnames())


def test_without_vagrant_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(TargetError, match="vagrant is not installed") as caught, open_target("vagrant"):
        pass
    assert caught.value.hint == "make vagrant-tools"


@pytest.mark.parametrize(("word", "after"), [("", After.HALT), ("destroy", After.DESTROY), ("keep", After.KEEP)])
def test_what_becomes_of_the_machine(word: str, after: After) -> None:
    assert After.read(word) is after


def test_a_wrong_word_is_answered_with_the_right_ones() -> None:
    with pytest.raises(HarnessError, match="left in the way 'burn'") as caught:
        open_target("vagrant:burn")
    assert "halt, destroy, keep" in caught.value.hint
