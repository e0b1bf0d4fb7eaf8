# SPDX-License-Identifier: Apache-2.0
"""The figures of one handler on one side, under the names they have in ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.benchmark import HANDLER_METRICS

#: What the verifier says besides; shown, not judged.
EXTRA_METRICS = ("peak_states", "total_states", "load_ns", "events_measured")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a handler costs. ``values`` by metric, None where it could not be had, with the reason in ``unavailable``.

    ``object_insns`` and ``xlated_insns`` count eight-byte slots, as the kernel does; sizes are bytes; ``*_per_event``
    are means over the events of the cost rounds.
    """

    values: Mapping[str, float | None] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    ns_per_event_ci: tuple[float, float] | None = None

    def get(self, metric: str) -> float | None:
        """The figure called ``metric``, None where it is missing."""
        return self.values.get(metric)


def make_figures(
    values: Mapping[str, float | None], reasons: Mapping[str, str], ci: tuple[float, float] | None = None
) -> Figures:
    """Figures with every metric of the contract, each missing one with a reason."""
    metrics: tuple[str, ...] = HANDLER_METRICS
    complete = {metric: values.get(metric) for metric in (*metrics, *EXTRA_METRICS)}
    missing = {
        metric: reasons.get(metric, "not measured in this run") for metric in metrics if complete[metric] is None
    }
    return Figures(complete, missing, ci)


#: Figures by handler and side.
FigureTable = Mapping[str, Mapping[str, Figures]]
