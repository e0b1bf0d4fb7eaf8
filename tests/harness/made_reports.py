# SPDX-License-Identifier: Apache-2.0
"""Reports of runs that never were, for tests of what is made of reports."""

from __future__ import annotations

from typing import Any

from harness.report import model


def benchmark_report(**changes: Any) -> model.BenchmarkReport:
    """A benchmark that held, but for ``changes``."""
    fields: dict[str, Any] = {
        "name": "pair",
        "kernel": "6.1.0",
        "target": "vm",
        "compiler": "clang version 14",
        "seed": 3,
        "commit": "c" * 40,
        "ok": True,
        "parity": model.Parity(equal=True, oracle_equal=True, events=1),
    }
    return model.BenchmarkReport(**(fields | changes))


def report_of(*benchmarks: model.BenchmarkReport, **changes: Any) -> model.Report:
    """A run of ``benchmarks``, but for ``changes``."""
    fields: dict[str, Any] = {
        "created": "2025-01-01T00:00:00Z",
        "commit": "c" * 40,
        "target": "vm",
        "compiler": "clang version 14",
        "seed": 3,
        "status": 0 if all(one.ok for one in benchmarks) else 1,
        "benchmarks": list(benchmarks),
    }
    return model.Report(**(fields | changes))
