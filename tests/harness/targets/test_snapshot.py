# SPDX-License-Identifier: Apache-2.0
"""Which snapshot is used, and how many are made and kept. No guest is booted here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from harness.kernels import Kernel
from harness.targets import TargetError
from harness.targets.image import Image
from harness.targets.qemu import Machine, Qemu
from harness.targets.snapshot import Booting, Snapshot, snapshot_of
from harness.targets.vm import VmTarget


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.targets.snapshot.qemu_version", lambda: "QEMU 1")
    (tmp_path / "kernel").write_bytes(b"a kernel")
    (tmp_path / "initrd").write_bytes(b"an initramfs")
    return Machine(tmp_path / "kernel", tmp_path / "initrd")


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collects what guests were booted with instead of booting them."""
    found: list[bytes] = []

    def make(machine: Machine, snapshot: Snapshot, _limit_s: float, _booting: Booting) -> None:
        found.append(machine.initrd.read_bytes())
        time.sleep(0.1)
        snapshot.state.write_bytes(b"")

    monkeypatch.setattr("harness.targets.snapshot._make", make)
    return found


def test_runs_that_begin_at_once_boot_one_guest(machine: Machine, booted: list[bytes]) -> None:
    made: list[bool] = []

    def ask() -> None:
        made.append(snapshot_of(machine, "image", boot_limit_s=1)[1])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(booted) == 1
    assert sorted(made) == [False, False, True]


def test_modules_are_put_in_beside_the_image(machine: Machine, booted: list[bytes]) -> None:
    snapshot, _ = snapshot_of(machine, "image", b" and modules", boot_limit_s=1)
    assert booted == [b"an initramfs and modules"]
    assert not (snapshot.folder / "initrd").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda machine: replace(machine, memory_mb=512),
        lambda machine: replace(machine, icount=True),
        lambda machine: replace(machine, accelerator="kvm"),
    ],
    ids=["memory", "counting", "kvm"],
)
def test_another_machine_has_another_snapshot(
    machine: Machine, booted: list[bytes], change: Callable[[Machine], Machine]
) -> None:
    first, _ = snapshot_of(machine, "image", boot_limit_s=1)
    second, _ = snapshot_of(change(machine), "image", boot_limit_s=1)
    third, _ = snapshot_of(machine, "another image", boot_limit_s=1)
    assert len({first.folder, second.folder, third.folder}) == len(booted) == 3


def test_another_kernel_at_the_same_path_has_another_snapshot(machine: Machine, booted: list[bytes]) -> None:
    first, _ = snapshot_of(machine, "image", boot_limit_s=1)
    machine.kernel.write_bytes(b"a newer kernel")
    assert snapshot_of(machine, "image", boot_limit_s=1)[0] != first
    assert len(booted) == 2


def test_a_guest_that_does_not_boot_leaves_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_machine: Machine, snapshot: Snapshot, _limit_s: float, _booting: Booting) -> None:
        snapshot.memory.write_bytes(b"half of it")
        raise RuntimeError("no guest today")

    monkeypatch.setattr("harness.targets.snapshot._make", fail)
    with pytest.raises(RuntimeError, match="no guest today"):
        snapshot_of(machine, "image", boot_limit_s=1)
    cache = Path(os.environ["XDG_CACHE_HOME"])
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_the_least_recently_used_snapshots_go(machine: Machine, booted: list[bytes]) -> None:
    folders = [snapshot_of(machine, f"image {number}", boot_limit_s=1)[0].folder for number in range(8)]
    for number, folder in enumerate(folders):
        os.utime(folder, (number, number))
    snapshot_of(machine, "image 0", boot_limit_s=1)  # in use again
    snapshot_of(machine, "one more", boot_limit_s=1)
    assert folders[0].exists()
    assert not folders[1].exists()
    assert all(folder.exists() for folder in folders[2:])
    assert len(booted) == 9


def test_stopping_gives_up_a_guest_that_boots(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Guest:
        closed = threading.Event()

        def close(self) -> None:
            self.closed.set()

    boots = threading.Event()
    ended: list[TargetError] = []

    def make(_machine: Machine, _snapshot: Snapshot, _limit_s: float, booting: Booting) -> None:
        booting(cast(Qemu, Guest()))
        boots.set()
        Guest.closed.wait(30)
        raise TargetError("boot", "the guest is gone")

    def start() -> None:
        try:
            target.start()
        except TargetError as error:
            ended.append(error)

    monkeypatch.setattr("harness.targets.snapshot._make", make)
    monkeypatch.setattr("harness.targets.vm.guest_image", lambda: Image(machine.initrd, "image"))
    kernel = Kernel("6.1", "6.1", "", machine.kernel.parent, machine.kernel, direct=True, modules=(), config=None)
    target = VmTarget(kernel, accelerator="tcg")
    thread = threading.Thread(target=start)
    thread.start()
    assert boots.wait(30)
    target.stop()
    thread.join(30)
    assert Guest.closed.is_set()
    assert [error.step for error in ended] == ["boot"]
