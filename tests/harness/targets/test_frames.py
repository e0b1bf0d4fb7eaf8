# SPDX-License-Identifier: Apache-2.0
"""Frames, archives and the shared window: what goes in comes out, and damage is noticed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.targets.guest import frames
from harness.targets.pack import pack_folder, unpack_folder
from harness.targets.window import Window


def receiver(data: bytes, step: int = 1 << 20) -> Callable[[int], bytes]:
    stream = io.BytesIO(data)
    return lambda length: stream.read(min(length, step))


@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 20))
def test_frames_arrive_whole_however_they_are_cut(payloads: list[bytes], step: int) -> None:
    receive = receiver(b"".join(frames.pack(frames.STEP, payload) for payload in payloads), step)
    assert [frames.read(receive)[1] for _ in payloads] == payloads
    with pytest.raises(EOFError):
        frames.read(receive)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_damaged_frame_is_noticed(payload: bytes, data: st.DataObject) -> None:
    frame = bytearray(frames.pack(frames.DONE, payload))
    # All but the kind and the length, which say how to read on.
    at = data.draw(st.sampled_from([0, 1, *range(7, len(frame))]))
    frame[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(frames.BrokenFrame):
        frames.read(receiver(bytes(frame)))


def test_a_folder_goes_and_comes_with_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "map.bin").write_bytes(bytes(range(256)))
    (tmp_path / "a" / "empty.bin").write_bytes(b"")
    unpack_folder(pack_folder(tmp_path / "a"), tmp_path / "out")
    assert (tmp_path / "out" / "b" / "map.bin").read_bytes() == bytes(range(256))
    assert (tmp_path / "out" / "empty.bin").read_bytes() == b""


def test_packing_gives_the_same_bytes_and_bytecode_that_runs(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "module.py").write_text("ANSWER = 42\n")
    assert pack_folder(folder) == pack_folder(folder)
    unpack_folder(pack_folder(folder), tmp_path / "out")
    (tmp_path / "out" / "module.py").write_text("this would not compile (")
    found: dict[str, object] = {}
    code = next((tmp_path / "out" / "__pycache__").glob("module.*.pyc")).read_bytes()[16:]
    import marshal

    exec(marshal.loads(code), found)
    assert found["ANSWER"] == 42


def test_results_are_not_written_outside_their_folder(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("../escaped", "/tmp/escaped", "fine"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    unpack_folder(out.getvalue(), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fine"]
    assert not (tmp_path / "escaped").exists()


def test_the_window_gives_back_what_was_laid_in() -> None:
    window = Window()
    where = window.put(b"some results")
    assert window.take(where) == b"some results"
    window.put(b"SOME")
    with pytest.raises(frames.BrokenFrame):
        window.take(where)
    window.close()
    window.close()
