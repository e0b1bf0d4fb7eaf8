# SPDX-License-Identifier: Apache-2.0
"""Kernels by name and by path, and what happens when several runs ask at once."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from harness.cancellation import Cancellation
from harness.errors import HarnessError
from harness.execute import Where, _open
from harness.kernels import RELEASES, KernelError, apt, find_kernel, offers
from harness.kernels.apt import _sources
from harness.kernels.releases import release
from harness.progress import Progress
from harness.targets import Target
from kernels.test_boot_image import bzimage, vmlinux

ASK = """
import sys
from harness.kernels import find_kernel
kernel = find_kernel(sys.argv[1])
print(kernel.release, kernel.direct, kernel.boot.stat().st_size, sep=",")
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_an_image_at_a_path_is_made_ready(tmp_path: Path) -> None:
    path = tmp_path / "bzImage"
    path.write_bytes(bzimage(gzip.compress(vmlinux(release="5.15.0")), release="5.15.0"))
    kernel = find_kernel(str(path))
    assert (kernel.release, kernel.direct, kernel.modules) == ("5.15.0", True, ())
    assert kernel.boot.read_bytes() == vmlinux(release="5.15.0")


def test_its_configuration_is_found_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "vmlinuz-5.15.0"
    path.write_bytes(bzimage(b"", release="5.15.0"))
    (tmp_path / "config-5.15.0").write_text("CONFIG_BPF=y\n# CONFIG_KPROBES is not set\n")
    assert find_kernel(str(path)).options() == {"CONFIG_BPF": "y"}


def test_several_runs_may_ask_at_once(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux() + bytes(20 << 20))
    asking = [
        subprocess.Popen([sys.executable, "-c", ASK, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = {process.communicate(timeout=60)[0] for process in asking}
    assert answers == {f"6.1.0-test,True,{path.stat().st_size}\n"}
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_file_that_is_no_kernel_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text("#!/bin/sh\n")
    with pytest.raises(KernelError, match="no x86 kernel image"):
        find_kernel(str(path))
    assert all(not offer.cached for offer in offers())


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(KernelError, match="there is no kernel") as caught:
        find_kernel("4.4")
    assert all(each.name in caught.value.hint for each in RELEASES)


def test_sources_name_the_suites_and_the_key_that_signs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONEY_DEBIAN_ARCHIVE", "http://archive.invalid/debian/")
    monkeypatch.setattr("harness.kernels.keyring._INSTALLED", tmp_path)
    (tmp_path / "debian-archive-keyring.gpg").touch()
    known = release("6.1")
    assert known is not None
    lines = _sources(known).splitlines()
    assert [line.split("] ")[1] for line in lines] == [
        "http://archive.invalid/debian/ bookworm main",
        "http://archive.invalid/debian-security/ bookworm-security main",
    ]
    assert all(f"signed-by={tmp_path}/debian-archive-keyring.gpg" in line for line in lines)


def test_another_distributions_kernel_is_offered_once_its_archive_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.kernels.apt.distribution", lambda: "debian")
    assert not {offer.available for offer in offers() if offer.distribution == "ubuntu"} - {False}
    with pytest.raises(KernelError, match="Ubuntu's, whose archive this machine does not use") as caught:
        find_kernel("5.15")
    assert "HONEY_UBUNTU_ARCHIVE" in caught.value.hint
    monkeypatch.setenv("HONEY_UBUNTU_ARCHIVE", "http://archive.invalid/ubuntu/")
    assert all(offer.available for offer in offers())


def test_modules_are_for_an_image_at_a_path(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"6\.1 brings its own modules"):
        find_kernel("6.1", modules=tmp_path)


def test_changed_modules_are_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux())
    modules = tmp_path / "modules"
    modules.mkdir()
    assert find_kernel(str(path), modules=modules).modules == ()
    shutil.copyfile(shutil.which("true") or "/bin/true", modules / "veth.ko")  # an ELF file without .modinfo
    assert [name for name, _ in find_kernel(str(path), modules=modules).module_data()] == ["veth.ko"]


def opened(where: Where, cancellation: Cancellation) -> Target:
    return _open(where, Progress(Console(quiet=True)), cancellation)


def test_no_kernel_is_fetched_for_a_run_that_was_interrupted() -> None:
    cancellation = Cancellation()
    with pytest.raises(KeyboardInterrupt), cancellation:
        raise KeyboardInterrupt
    with pytest.raises(HarnessError, match="the run ended"):
        opened(Where("vm", kernel="v5.15"), cancellation)


def test_a_folder_of_modules_that_there_is_not_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux())
    with pytest.raises(HarnessError, match="nowhere is no folder of modules"):
        opened(Where("vm", kernel=str(path), modules=str(tmp_path / "nowhere")), Cancellation())


def test_a_tool_that_sits_out_a_full_disk_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "dpkg-deb"
    tool.write_text("#!/bin/sh\nexec sleep 1000\n", encoding="ascii")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "_LOOK_S", 0.01)
    monkeypatch.setattr(apt, "_LEAST_ROOM", 1 << 60)
    with pytest.raises(KernelError, match="cannot be unpacked: no space left on device"):
        apt.unpack(tmp_path / "a.deb", tmp_path)
