# SPDX-License-Identifier: Apache-2.0
"""The figures of one handler on one side, under the names they have in ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from harness.benchmark import HANDLER_METRICS
from harness.measure.statistics import LEAST_BLOCKS, median_interval

#: What the verifier says besides; shown, not judged.
EXTRA_METRICS = ("peak_states", "total_states", "load_ns", "events_measured", "overhead_ns", "overhead_guest_insns")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a handler costs. ``values`` by metric, None where it could not be had, with the reason in ``unavailable``.

    ``object_insns`` and ``xlated_insns`` count eight-byte slots, as the kernel does; sizes are bytes; ``*_per_event``
    are means over the events of the cost rounds, less what an empty program on the same hook costs
    (``overhead_*``). Of the noisy ones ``by_block`` has the mean of each cost block by number, and ``intervals`` what
    follows from enough of them.
    """

    values: Mapping[str, float | None] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    by_block: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def get(self, metric: str) -> float | None:
        """The figure called ``metric``, None where it is missing."""
        return self.values.get(metric)


def make_figures(
    values: Mapping[str, float | None],
    reasons: Mapping[str, str],
    by_block: Mapping[str, Mapping[int, float]] = MappingProxyType({}),
) -> Figures:
    """Figures with every metric of the contract, each missing one with a reason."""
    metrics: tuple[str, ...] = HANDLER_METRICS
    complete = {metric: values.get(metric) for metric in (*metrics, *EXTRA_METRICS)}
    missing = {
        metric: reasons.get(metric, "not measured in this run") for metric in metrics if complete[metric] is None
    }
    found = {metric: median_interval(tuple(samples.values())) for metric, samples in by_block.items()}
    intervals = {metric: interval for metric, interval in found.items() if interval is not None}
    if "ns_per_event" not in intervals and complete["ns_per_event"] is not None:
        missing["ns_per_event_ci"] = f"an interval needs {LEAST_BLOCKS} cost blocks: --cost-blocks {LEAST_BLOCKS}"
    return Figures(complete, missing, by_block, intervals)


#: Figures by handler and side.
FigureTable = Mapping[str, Mapping[str, Figures]]
