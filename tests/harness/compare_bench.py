# SPDX-License-Identifier: Apache-2.0
"""Dumps on disk, made to be compared."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_benchmarks import benchmark_of

from harness.compare.evidence import Evidence
from harness.compare.run import Comparison, compare
from harness.objects import BpfObject
from harness.result import MapFile, Phase, StreamFile
from workloads.events import Event

START, END = 1_000, 9_000
OURS, THEIRS = 7, 99
LABEL = "pid {pid}, {protocol:ipproto}, {ip:ipv4}:{port}"
FLOWS: dict[str, Any] = {
    "scope": "pid",
    "label": LABEL,
    "volatile": {"last_ns": {"rule": "timestamp", "tolerance_ns": 100}},
}
UDP = 17


def flow(pid: int = OURS, port: int = 53, *, pad: int = 0) -> bytes:
    return struct.pack("<IBBHI", pid, UDP, pad, port, int.from_bytes(bytes([127, 0, 0, 1]), "little"))


def stats(amount: int, packets: int = 1, at: int = 5_000) -> bytes:
    return struct.pack("<QQQ", amount, packets, at)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


class Bench:
    """Puts dumps on disk and compares them."""

    def __init__(self, folder: Path, obj: BpfObject) -> None:
        self.folder = folder
        self.obj = obj
        self.files: dict[str, dict[str, MapFile]] = {"honey": {}, "c": {}}
        self.rules: dict[str, Any] = {}
        self.streams: dict[str, dict[str, StreamFile]] = {}
        self.stream_rules: dict[str, Any] = {}

    def add_stream(self, name: str, rule: Mapping[str, Any], **sides: Sequence[bytes]) -> None:
        """A stream with each side's records; ``both`` stands for lines that all sides wrote into one buffer."""
        for side, records in sides.items():
            path = self.folder / f"{side}-{name.replace(':', '-')}"
            lines = name == "trace"
            path.write_bytes(b"".join(r + b"\n" if lines else struct.pack("<I", len(r)) + r for r in records))
            file = StreamFile(file=path.name, records=len(records))
            self.streams.setdefault("*" if side == "both" else side, {})[name] = file
        self.stream_rules[name] = dict(rule)

    def add(self, name: str, c: dict[bytes, bytes], honey: dict[bytes, bytes], rule: Mapping[str, Any] = {}) -> None:
        """A map with the entries of both sides; the sides' order differs, as in hash maps it does."""
        definition = self.obj.maps[name]
        for side, entries in (("c", c), ("honey", dict(reversed(honey.items())))):
            path = self.folder / f"{side}-{name}.bin"
            path.write_bytes(b"".join(key + value for key, value in entries.items()))
            value_bytes = len(next(iter(entries.values()), bytes(definition.value_size)))
            self.files[side][name] = MapFile(
                file=path.name,
                type=definition.type,
                key_size=definition.key_size,
                value_size=definition.value_size,
                value_bytes=value_bytes,
                max_entries=definition.max_entries,
                entries=len(entries),
            )
        self.rules[name] = dict(rule)

    def run(self, events: Sequence[Event] = (), oracle: Any = None) -> Comparison:
        return compare(self.evidence(events, oracle))

    def evidence(self, events: Sequence[Event] = (), oracle: Any = None) -> Evidence:
        benchmark = benchmark_of(name="flows", maps=self.rules, streams=self.stream_rules)
        phase = Phase(kind="shadow", start_ns=START, end_ns=END, pids=(OURS,), maps=self.files, streams=self.streams)
        objects = {"honey": self.obj, "c": self.obj}
        return Evidence(benchmark, objects, phase, self.folder, tuple(events), oracle)
