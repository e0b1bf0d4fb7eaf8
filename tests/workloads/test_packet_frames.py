# SPDX-License-Identifier: Apache-2.0
"""The frames that are given to packet programs."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from workloads import registry
from workloads.base import WorkloadError
from workloads.drivers.packets import capture
from workloads.drivers.packets.capture import captured
from workloads.drivers.packets.frames import SHORTEST, Frame, build, stored_frames


def test_the_stored_frames_are_those_that_scapy_builds() -> None:
    assert stored_frames() == build()


def test_the_capture_holds_them() -> None:
    assert captured("frames") == stored_frames()


def test_a_capture_of_ones_own_is_replayed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frames = [bytes(range(60)), bytes(14), bytes(13)]
    for order, magic in (("<", 0xA1B2C3D4), (">", 0xA1B2C3D4), ("<", 0xA1B23C4D)):
        head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
        records = (struct.pack(f"{order}IIII", 1, 2, len(f), len(f)) + f for f in frames)
        (tmp_path / "own.pcap").write_bytes(head + b"".join(records))
        monkeypatch.setattr(capture, "__file__", str(tmp_path / "capture.py"))
        # The last is too short for a frame.
        assert captured("own") == [Frame("packet 1 of own", frames[0]), Frame("packet 2 of own", frames[1])]
        costs = list(registry.get("packets").plan(1, {"capture": "own", "events": 5}).events())
        assert [event.note for event in costs] == [f"packet {number} of own" for number in (1, 2, 1, 2, 1)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "pcapng"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 113), "link type 113"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 1), "holds no frame"),
        (None, "no capture 'own'"),
    ],
)
def test_what_is_no_capture_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "own.pcap").write_bytes(content)
    monkeypatch.setattr(capture, "__file__", str(tmp_path / "capture.py"))
    with pytest.raises(WorkloadError, match=words):
        captured("own")


def test_the_kernel_takes_every_frame() -> None:
    assert min(len(frame.data) for frame in stored_frames()) >= SHORTEST


def test_a_seed_decides_order_and_senders() -> None:
    workload = registry.get("packets")
    first, again, other = (list(workload.plan(seed, {}).events()) for seed in (1, 1, 2))
    assert first == again
    assert first != other
