# SPDX-License-Identifier: Apache-2.0
"""Kernels by name and by path, and what happens when several runs ask at once."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from harness.kernels import RELEASES, KernelError, find_kernel, offers
from harness.kernels.apt import _sources
from harness.kernels.releases import release
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


def test_sources_name_the_suites_and_the_key_that_signs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    archives = {"main": "http://archive.invalid/debian/", "security": "http://archive.invalid/debian-security/"}
    monkeypatch.setattr("harness.kernels.apt._archives", lambda: archives)
    monkeypatch.setattr(Path, "is_file", lambda _self: True)
    known = release("6.1")
    assert known is not None
    lines = _sources(known).splitlines()
    assert [line.split("] ")[1] for line in lines] == [
        "http://archive.invalid/debian/ bookworm main",
        "http://archive.invalid/debian-security/ bookworm-security main",
    ]
    assert all("signed-by=/usr/share/keyrings/debian-archive-keyring.gpg" in line for line in lines)
