# SPDX-License-Identifier: Apache-2.0
"""Whole runs of ``harness run`` on the reference, with faults in it where they are asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.report import model
from harness.report.store import load_report

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference_c/network_monitor/network_monitor.bpf.c"
HONEY = ROOT / "honey/ports/network_monitor.ex"

_BENCHMARK = """
schema = 1
name = "pair"
oracle = "network_monitor"
truth = "pid_stats"
[sides]
honey = {{ source = "{honey}" }}
c = {{ source = "{c}" }}
[workload]
name = "network"
cost_options = {{ profile = "cost", events = {events} }}
[maps.traffic_map]
scope = "key.pid"
label = "pid {{pid}}, {{protocol:ipproto}}, {{ip:ipv4}}:{{port}}"
volatile."value.last_update_ns" = {{ rule = "timestamp", tolerance_ns = 50_000_000 }}
[maps.protocol_totals]
foreign = {{ map = "pid_stats", sum = ["bytes_sent", "bytes_recv"] }}
[maps.pid_stats]
scope = "key"
volatile."value.last_update_ns" = {{ rule = "timestamp", tolerance_ns = 50_000_000 }}
[maps.anomaly_map]
written_by = "user"
"""

#: A fault, as what is replaced in the reference and by what, and words that the report must say about it.
FAULTS = {
    "bytes booked on the wrong side": (
        'book(&key, RECEIVED, bytes);\n\treturn 0;\n}\n\nSEC("tracepoint/syscalls/sys_enter_sendmsg")',
        'book(&key, SENT, bytes);\n\treturn 0;\n}\n\nSEC("tracepoint/syscalls/sys_enter_sendmsg")',
        "bytes_recv is 0 in honey",
    ),
    "port left in network order": ("bpf_ntohs(peer.sin_port)", "peer.sin_port", "missing in honey"),
    "padding not zeroed": (
        "__builtin_memset(key, 0, sizeof(*key));",
        "__builtin_memset(key, 0xaa, sizeof(*key));\n\tkey->port = 0;\n\tkey->ip = 0;",
        "the key's padding is not zero in honey",
    ),
    "packets counted twice": ("stats->packets_sent += 1", "stats->packets_sent += 2", "packets_sent is"),
    "no time": ("stats->last_update_ns = bpf_ktime_get_ns()", "stats->last_update_ns = 0", "last_update_ns is 0"),
    "empty receives forgotten": ("if (bytes == 0)\n\t\tbytes = 1;", "", "bytes_recv is"),
}

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


def pair(honey: Path = REFERENCE, c: Path = REFERENCE, *, events: int = 50) -> str:
    """A benchmark's file: two sources that fill the reference's maps, its cost measured with so many ``events``."""
    return _BENCHMARK.format(honey=honey, c=c, events=events)


def latest(folder: Path) -> model.BenchmarkReport:
    (benchmark,) = load_report(folder / "reports" / "latest").benchmarks
    return benchmark


def wrong_port(folder: Path, fault: str) -> Path:
    """The reference with a fault in it."""
    old, new, _ = FAULTS[fault]
    source = REFERENCE.read_text(encoding="utf-8")
    assert source.count(old) == 1
    wrong = folder / "wrong.bpf.c"
    wrong.write_text(source.replace(old, new), encoding="utf-8")
    return wrong


def assert_found(done: subprocess.CompletedProcess[str], found: model.BenchmarkReport, fault: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert not found.parity.equal
    texts = [difference.text for difference in found.differences]
    assert any(FAULTS[fault][2] in text for text in texts), texts
    assert any(difference.events for difference in found.differences)


def harness_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
