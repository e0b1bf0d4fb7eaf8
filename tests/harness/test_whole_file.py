# SPDX-License-Identifier: Apache-2.0
"""What is written is there whole, or what was there before is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cache import cache_folder
from harness.errors import HarnessError
from harness.whole_file import write_whole


def no_room(*_: object, **__: object) -> int:
    raise OSError(28, "No space left on device")


def test_where_there_is_no_room_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "README.md"
    page.write_text("old", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", no_room)
        with pytest.raises(HarnessError, match=r"cannot write .*README.md: No space left on device"):
            write_whole(page, "new")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"README.md": "old"}


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    page, link = tmp_path / "page", tmp_path / "link"
    page.write_text("old", encoding="utf-8")
    page.chmod(0o600)
    link.symlink_to(page)
    write_whole(link, "new")
    assert link.is_symlink()
    assert (page.read_text(encoding="utf-8"), page.stat().st_mode & 0o777) == ("new", 0o600)


def test_what_is_no_file_is_written_to() -> None:
    write_whole(Path(os.devnull), "text")
    assert not Path(os.devnull).is_file()


def test_a_cache_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(HarnessError, match="cannot make the cache folder") as raised:
        cache_folder("kernels")
    assert "XDG_CACHE_HOME" in raised.value.hint
