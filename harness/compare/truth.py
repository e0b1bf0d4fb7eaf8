# SPDX-License-Identifier: Apache-2.0
"""The ground truth beside what is monitored: what a program's semantics themselves miss."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from harness.benchmark import C
from harness.compare.evidence import Evidence
from workloads.oracles.truth import truth


@dataclass(frozen=True, slots=True)
class Truth:
    """A field summed over the workload's processes: as ``monitored`` in C's map, and what really ``moved``."""

    field: str
    monitored: int
    moved: int


def ground_truth(evidence: Evidence) -> list[Truth]:
    """For each field that both know, what is monitored and what really happened."""
    name = evidence.benchmark.truth
    if name is None:
        return []
    layout = evidence.layout(C, name)
    own, _ = evidence.own(C, name)
    values = [layout.decode_value(raw) for raw in own.values()]
    moved = [asdict(one) for one in truth(evidence.events).values()]
    known = [field for field in (moved[0] if moved else {}) if any(field in value for value in values)]
    return [
        Truth(
            field=field,
            monitored=sum(value[field] for value in values),
            moved=sum(one[field] for one in moved),
        )
        for field in known
    ]
