# SPDX-License-Identifier: Apache-2.0
"""Building a kernel: what is asked of its build system, here a Makefile that plays one."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kernels import KernelError
from harness.kernels.build import Order, build
from harness.kernels.releases import release
from harness.kernels.source import packaged_source
from kernels.test_boot_image import bzimage

#: `allnoconfig` takes all that is wanted but what is called UNKNOWN; `bzImage` fails when a source is broken.
MAKEFILE = """
allnoconfig:
\tgrep -v UNKNOWN $(KCONFIG_ALLCONFIG) > $(O)/.config
bzImage:
\t@if [ -e broken.c ]; then echo "broken.c:1:1: error: expected identifier" >&2; exit 1; fi
\t@if [ -e slow ]; then $(MAKE) under_way; fi
\tmkdir -p $(O)/arch/x86/boot
\tcp image $(O)/arch/x86/boot/bzImage
under_way:
\techo $$$$ > slow; exec sleep 1000
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.kernels.build._TOOLS", ("make", "tar", "nice"))
    folder = tmp_path / "linux-5.15"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "Kconfig").touch()
    (folder / "image").write_bytes(bzimage(b"", release="5.15.0"))
    return folder


def made(source: Path, output: Path, *options: str) -> Path:
    return build(Order(source, options), output, lambda _words: None)


def test_image_and_configuration_come_out_and_the_source_stays_as_it_was(tree: Path, tmp_path: Path) -> None:
    before = sorted(os.listdir(tree))
    path = made(tree, tmp_path / "out")
    assert path.name == "bzImage-5.15.0"
    assert path.read_bytes() == (tree / "image").read_bytes()
    options = (tmp_path / "out/bzImage-5.15.0.config").read_text().splitlines()
    assert {"CONFIG_DEBUG_INFO_BTF=y", "CONFIG_FTRACE_SYSCALLS=y"} <= set(options)
    assert sorted(os.listdir(tree)) == before


def test_an_archive_will_do_and_is_unpacked_once(tree: Path, tmp_path: Path) -> None:
    archive = tmp_path / "linux.tar.xz"
    subprocess.run(["tar", "-C", str(tmp_path), "-cJf", str(archive), tree.name], check=True)
    said: list[str] = []
    for _ in range(2):
        build(Order(archive), tmp_path / "out", said.append)
    assert said.count("unpacking linux.tar.xz") == 1


def test_options_of_ones_own_are_told_apart_by_the_images_name(tree: Path, tmp_path: Path) -> None:
    path = made(tree, tmp_path / "out", "CONFIG_DEBUG_INFO_BTF=n")
    assert path.name == "bzImage-5.15.0-debug_info_btf=n"
    assert "# CONFIG_DEBUG_INFO_BTF is not set" in Path(f"{path}.config").read_text()


def test_an_option_that_the_kernel_does_not_take_is_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="cannot be configured") as caught:
        made(tree, tmp_path / "out", "CONFIG_UNKNOWN_THING=y")
    assert caught.value.details.splitlines() == [
        "CONFIG_UNKNOWN_THING is not taken: it is unknown there, or needs something else"
    ]


def test_a_build_that_fails_is_told_with_the_compilers_words(tree: Path, tmp_path: Path) -> None:
    (tree / "broken.c").touch()
    with pytest.raises(KernelError, match="make bzImage failed") as caught:
        made(tree, tmp_path / "out")
    assert "broken.c:1:1: error: expected identifier" in caught.value.details
    assert not (tmp_path / "out").exists()


def test_missing_tools_are_named_with_the_way_to_them(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.kernels.build._TOOLS", ("make", "no-such-flex"))
    with pytest.raises(KernelError, match="needs no-such-flex") as caught:
        made(tree, tmp_path / "out")
    assert caught.value.hint == "make kernel-tools"


@pytest.mark.parametrize("option", ["DEBUG_INFO_BTF=n", "CONFIG_X"])
def test_what_is_no_option_is_refused(tree: Path, tmp_path: Path, option: str) -> None:
    with pytest.raises(KernelError, match="is no configuration option"):
        made(tree, tmp_path / "out", option)


def test_a_folder_without_a_kernel_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "Kconfig").unlink()
    with pytest.raises(KernelError, match="holds no kernel source"):
        made(tree, tmp_path / "out")


class FakeApt:
    """An archive with the source of one kernel, of a version that can be changed."""

    version = "5.15.0-1"
    downloads = 0

    def __init__(self, folder: Path, _release: object) -> None:
        self._folder = folder

    def update(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    def has(self, package: str) -> bool:
        return package == "linux-source-5.15.0"

    def newest(self, _package: str) -> str:
        return self.version

    def download(self, package: str) -> Path:
        type(self).downloads += 1
        path = self._folder / f"{package}.deb"
        path.write_bytes(b"")
        return path


def test_a_distributions_source_is_fetched_once_for_each_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(_file: Path, goes_to: Path) -> None:
        (goes_to / "usr/src").mkdir(parents=True)
        (goes_to / "usr/src/linux-source-5.15.0.tar.bz2").write_bytes(b"a source")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("harness.kernels.source.PrivateApt", FakeApt)
    monkeypatch.setattr("harness.kernels.source.unpack", unpack)
    known = release("5.15")
    assert known is not None
    first, again = (packaged_source(known, lambda _words: None) for _ in range(2))
    assert first == again
    assert first.name == "linux-5.15.0-1.tar.bz2"
    assert first.read_bytes() == b"a source"
    assert FakeApt.downloads == 1
    monkeypatch.setattr(FakeApt, "version", "5.15.0-2")
    assert packaged_source(known, lambda _words: None).name == "linux-5.15.0-2.tar.bz2"
    assert FakeApt.downloads == 2


@pytest.fixture
def interruptible() -> Iterator[None]:
    """An interrupt raises here, also where the shell that started the tests has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_build_ends_with_all_that_make_started(tree: Path, tmp_path: Path) -> None:
    slow = tree / "slow"
    slow.touch()

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not slow.read_text().strip() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        made(tree, tmp_path / "out")
    deadline = time.monotonic() + 60
    while Path("/proc", slow.read_text().strip()).exists():
        assert time.monotonic() < deadline, "what make has started goes on"
        time.sleep(0.01)
