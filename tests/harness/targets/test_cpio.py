# SPDX-License-Identifier: Apache-2.0
"""Our initramfs archives, as another program reads them."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.targets.cpio import CpioWriter

UNPACK = ["busybox", "cpio", "-idm"]

pytestmark = pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed")


def archive() -> bytes:
    out = io.BytesIO()
    with CpioWriter(out) as writer:
        writer.file("/usr/lib/some/file.txt", b"contents", 0o755)
        writer.file("/odd", b"x" * 13)
        writer.symlink("/lib", "usr/lib")
        writer.file("/usr/lib/some/file.txt", b"a second one is left out")
    return out.getvalue()


def test_another_program_unpacks_it(tmp_path: Path) -> None:
    subprocess.run(UNPACK, input=archive(), cwd=tmp_path, check=True, timeout=20, capture_output=True)
    assert (tmp_path / "lib" / "some" / "file.txt").read_bytes() == b"contents"
    assert (tmp_path / "usr" / "lib" / "some" / "file.txt").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "odd").stat().st_size == 13


def test_the_same_contents_give_the_same_bytes() -> None:
    assert archive() == archive()


def test_devices_need_no_root() -> None:
    out = io.BytesIO()
    with CpioWriter(out) as writer:
        writer.device("/dev/console", 5, 1)
    listed = subprocess.run(
        ["busybox", "cpio", "-tv"], input=out.getvalue(), capture_output=True, check=True, timeout=20
    )
    assert b"crw-------" in listed.stdout
    assert b"dev/console" in listed.stdout
