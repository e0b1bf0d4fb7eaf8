# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of two objects, for tests of what reads a benchmark's file and runs nothing."""

from __future__ import annotations

from typing import Any

from harness.benchmark import Benchmark


def benchmark_of(**changes: Any) -> Benchmark:
    """The least that a benchmark has to say, but for ``changes`` of its document."""
    document: dict[str, Any] = {
        "schema": 1,
        "name": "pair",
        "sides": {"honey": {"object": "h"}, "c": {"object": "c"}},
        "workload": {"name": "network"},
    }
    return Benchmark.model_validate(document | changes)
