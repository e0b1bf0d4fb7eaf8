# SPDX-License-Identifier: Apache-2.0
"""The two hand-written network monitors on this machine's kernel: same maps, and those that the oracle predicts."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clang_objects import clang_object
from driven_traffic import ROOT, drive

from harness.vmlinux import vmlinux_header
from workloads import oracles
from workloads.events import Event, read_events
from workloads.oracles.network_monitor import TrafficKey

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="loading eBPF programs needs root"),
    pytest.mark.skipif(not Path("/sys/kernel/btf/vmlinux").exists(), reason="the kernel has no BTF"),
]

SOURCES = {"plain": "network_monitor.bpf.c", "tuned": "tuned.bpf.c"}
STATS = ("bytes_sent", "bytes_recv", "packets_sent", "packets_recv", "last_update_ns")


@dataclass(frozen=True)
class Run:
    """A shadow run's result, its phase and events."""

    out: Path
    programs: Mapping[str, Mapping[str, Mapping[str, int]]]
    phase: Mapping[str, Any]
    events: list[Event]

    def entries(self, side: str, name: str) -> dict[bytes, bytes]:
        """The dump of a map."""
        shape = self.phase["maps"][side][name]
        data, size = (self.out / shape["file"]).read_bytes(), shape["key_size"] + shape["value_size"]
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        return {piece[: shape["key_size"]]: piece[shape["key_size"] :] for piece in pieces}

    def stats(self, side: str, name: str) -> dict[bytes, dict[str, int]]:
        """A map whose values are traffic statistics."""
        return {
            key: dict(zip(STATS, struct.unpack("=5Q", v), strict=True)) for key, v in self.entries(side, name).items()
        }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Both monitors attached at once while the full traffic is driven."""
    job, out = tmp_path_factory.mktemp("job"), tmp_path_factory.mktemp("out")
    for side, source in SOURCES.items():
        flags = ("-Wall", "-Werror", "-D__TARGET_ARCH_x86", f"-I{vmlinux_header().include}")
        clang_object(ROOT / "reference_c/network_monitor" / source, job / f"{side}.bpf.o", *flags)
    found = drive(job, out, SOURCES, seed=11)
    (phase,) = found["phases"]
    return Run(out, found["programs"], phase, list(read_events(out / phase["events"])))


def traffic_key(raw: bytes) -> TrafficKey:
    pid, protocol, padding, port, ip = struct.unpack("=IBBHI", raw)
    assert padding == 0
    return TrafficKey(pid, protocol, port, ip)


def own(run: Run, entries: Mapping[Any, dict[str, int]]) -> dict[Any, dict[str, int]]:
    """Entries of the workload's processes, without the time, which must lie inside the run."""
    kept = {}
    for key, stats in entries.items():
        if (key.pid if isinstance(key, TrafficKey) else key) in run.phase["pids"]:
            last = stats.pop("last_update_ns")
            assert run.phase["start_ns"] < last < run.phase["end_ns"]
            kept[key] = stats
    return kept


@pytest.mark.parametrize("side", SOURCES)
def test_the_maps_hold_what_the_oracle_predicts(run: Run, side: str) -> None:
    traffic = {traffic_key(raw): stats for raw, stats in run.stats(side, "traffic_map").items()}
    mine = own(run, traffic)
    room = oracles.Context({"traffic_map": 10_240}, {"traffic_map": len(traffic) - len(mine)})
    predicted = oracles.get("network_monitor")(run.events, room)
    assert len(traffic) == 10_240
    assert mine == predicted["traffic_map"]
    pids = {int.from_bytes(raw, "little"): stats for raw, stats in run.stats(side, "pid_stats").items()}
    assert own(run, pids) == predicted["pid_stats"]


def test_both_have_the_same_totals_and_leave_the_anomalies_alone(run: Run) -> None:
    plain, tuned = (run.entries(side, "protocol_totals") for side in SOURCES)
    assert len(plain) == 2
    assert plain.keys() == tuned.keys()
    # What other processes add at the same moment on another CPU may be lost, on each side something else.
    others = sum(
        stats["bytes_sent"] + stats["bytes_recv"]
        for raw, stats in run.stats("plain", "pid_stats").items()
        if int.from_bytes(raw, "little") not in run.phase["pids"]
    )
    for key, total in plain.items():
        assert abs(int.from_bytes(total, "little") - int.from_bytes(tuned[key], "little")) <= others
    assert run.entries("plain", "anomaly_map") == run.entries("tuned", "anomaly_map") == {}


def test_the_tuned_one_costs_less_in_every_handler(run: Run) -> None:
    assert len(run.programs["plain"]) == 4
    for handler, plain in run.programs["plain"].items():
        tuned = run.programs["tuned"][handler]
        for figure in ("xlated_insns", "jited_bytes", "verified_insns"):
            assert tuned[figure] < plain[figure], (handler, figure)
        assert tuned["stack_bytes"] <= plain["stack_bytes"], handler
