# SPDX-License-Identifier: Apache-2.0
"""Which programs of the sides belong together."""

from __future__ import annotations

from collections.abc import Mapping

from harness.benchmark import Benchmark, C
from harness.objects import BpfObject


def handlers(benchmark: Benchmark, objects: Mapping[str, BpfObject]) -> dict[str, dict[str, str]]:
    """Each handler's program name by side: C's programs, then those that only another side has."""
    names = dict.fromkeys(benchmark.handlers)
    taken = {named for handler in benchmark.handlers.values() for named in handler.names.values()}
    for side in (C, *(side for side in objects if side != C)):
        names.update(dict.fromkeys(name for name in objects[side].programs if name not in taken))
    renamed = {name: handler.names for name, handler in benchmark.handlers.items()}
    return {name: {side: renamed.get(name, {}).get(side, name) for side in objects} for name in names}
