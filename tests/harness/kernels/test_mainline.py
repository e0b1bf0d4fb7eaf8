# SPDX-License-Identifier: Apache-2.0
"""Mainline builds, from an archive on the loopback."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kernels import KernelError, find_kernel, offers
from harness.kernels.mainline import ADDRESS, KEYRING, is_mainline
from kernels.archive import Archive, served
from kernels.test_boot_image import bzimage, vmlinux

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="packages are made and unpacked by dpkg-deb")

IMAGE = bzimage(gzip.compress(vmlinux(release="5.15.0-051500-generic")), release="5.15.0-051500-generic")
ASK = "import sys; from harness.kernels import find_kernel; print(find_kernel(sys.argv[1]).release)"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = Archive(tmp_path / "archive")
    one.add("5.15.0", IMAGE)
    with served(one):
        monkeypatch.setenv(ADDRESS, one.address + "/")
        yield one


def packages(archive: Archive) -> list[tuple[str, int]]:
    """The packages asked for, by the first word of their names, and from which byte on."""
    return [(path.split("/")[-1].split("-5")[0], start) for path, start in archive.asked if path.endswith(".deb")]


def test_a_version_is_fetched_once(archive: Archive) -> None:
    kernel = find_kernel("v5.15")
    assert (kernel.name, kernel.release, kernel.direct) == ("v5.15", "5.15.0-051500-generic", True)
    assert packages(archive) == [("linux-image-unsigned", 0), ("linux-modules", 0)]
    assert find_kernel("v5.15") == kernel
    assert len(packages(archive)) == 2
    assert [(offer.name, offer.cached) for offer in offers() if offer.distribution == "mainline"] == [
        ("v5.15", kernel.release)
    ]


def test_old_builds_lie_in_one_folder_for_all_architectures(archive: Archive) -> None:
    archive.add("5.2.1", bzimage(gzip.compress(vmlinux(release="5.2.1")), release="5.2.1"), below="")
    assert find_kernel("v5.2.1").release == "5.2.1"


def test_a_download_that_breaks_off_goes_on(archive: Archive) -> None:
    archive.breaks = 1
    assert find_kernel("v5.15").release
    (first, _), (again, start), _ = packages(archive)
    assert first == again
    assert start > 0


def test_what_came_is_kept_for_the_next_attempt(archive: Archive) -> None:
    archive.breaks = 3
    with pytest.raises(KernelError, match="broke off"):
        find_kernel("v5.15")
    asked = len(archive.asked)
    assert find_kernel("v5.15").release
    (_, start), *_ = [one for one in archive.asked[asked:] if one[0].endswith(".deb")]
    assert start > 0


def test_a_damaged_package_is_refused_and_fetched_anew(archive: Archive, tmp_path: Path) -> None:
    package = next((archive.folder / "v5.15/amd64").glob("linux-image*.deb"))
    right = package.read_bytes()
    package.write_bytes(right[:-1] + b"?")
    with pytest.raises(KernelError, match="arrived damaged"):
        find_kernel("v5.15")
    assert not list((tmp_path / "cache").rglob("*.deb*"))
    package.write_bytes(right)
    assert find_kernel("v5.15").release


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system to fill needs root")
def test_a_full_disk_is_told_and_what_was_unpacked_is_taken_away(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.add("5.16.0", IMAGE, modules={"large.ko": os.urandom(3 << 20)})
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setenv("XDG_CACHE_HOME", str(small))
        with pytest.raises(KernelError, match="no space left on device") as caught:  # there is room for one of two
            find_kernel("v5.16")
        assert "make room" in caught.value.hint
        assert not list(small.rglob("v5.16.part"))
        assert all(offer.distribution != "mainline" for offer in offers())
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_runs_that_ask_at_once_fetch_once(archive: Archive) -> None:
    command = [sys.executable, "-c", ASK, "v5.15"]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate(timeout=60)[0] for process in asking} == {"5.15.0-051500-generic\n"}
    assert len(packages(archive)) == 2


def test_refresh_fetches_only_what_is_newer(archive: Archive) -> None:
    find_kernel("v5.15")
    find_kernel("v5.15", refresh=True)
    assert len(packages(archive)) == 2


def test_a_version_that_there_is_not(archive: Archive) -> None:
    assert archive.address
    with pytest.raises(KernelError, match=r"has no kernel v5\.99"):
        find_kernel("v5.99")


def test_a_build_that_failed(archive: Archive) -> None:
    for package in (archive.folder / "v5.15/amd64").glob("linux-image*"):
        package.unlink()
    archive.write_sums(archive.folder / "v5.15/amd64")
    with pytest.raises(KernelError, match=r"build of v5\.15 has no kernel"):
        find_kernel("v5.15")


def test_an_archive_that_cannot_be_reached_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:9/mainline")
    with pytest.raises(KernelError, match=r"127\.0\.0\.1:9/mainline/v5\.15.* cannot be reached") as caught:
        find_kernel("v5.15")
    assert "given as a path" in caught.value.hint
    monkeypatch.delenv(ADDRESS)
    with pytest.raises(KernelError, match="not set where") as caught:
        find_kernel("v5.15")
    assert ADDRESS in caught.value.hint


@pytest.mark.skipif(
    not all(map(shutil.which, ("gpg", "gpgv"))), reason="signatures are made by gpg and checked by gpgv"
)
def test_with_a_key_only_signed_sums_are_taken(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    key = tmp_path / "key.gpg"
    sums = archive.folder / "v5.15/amd64/CHECKSUMS"
    subprocess.run([*gpg, "--quick-gen-key", "builder@example.invalid", "ed25519", "sign"], check=True)
    subprocess.run([*gpg, "--output", str(key), "--export"], check=True)
    subprocess.run([*gpg, "--output", f"{sums}.gpg", "--detach-sign", str(sums)], check=True)
    monkeypatch.setenv(KEYRING, str(key))
    right = sums.read_text()
    sums.write_text(right + "# one line more\n")
    with pytest.raises(KernelError, match="not signed by the key"):
        find_kernel("v5.15")
    sums.write_text(right)
    assert find_kernel("v5.15").release
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@pytest.mark.parametrize(
    ("name", "is_one"), [("v5.15", True), ("v6.1.4", True), ("v6.9-rc3", True), ("5.15", False), ("v5", False)]
)
def test_what_a_mainline_version_is(name: str, is_one: bool) -> None:
    assert is_mainline(name) is is_one
