# SPDX-License-Identifier: Apache-2.0
"""The few statistics that reports and budgets rest on."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable, Sequence

#: Fewer blocks give an interval that says nothing.
LEAST_BLOCKS = 5
RESAMPLES = 4000
#: Two-sided; wide, because programs also differ by where they happen to lie in memory, which few blocks show.
CONFIDENCE = 0.99


def ratio(figure: float | None, base: float | None) -> float | None:
    """``figure / base``; 1 where both are zero, None where one is missing or only ``base`` is zero."""
    if figure is None or base is None:
        return None
    if base == 0:
        return 1.0 if figure == 0 else None
    return figure / base


def geometric_mean(ratios: Iterable[float | None]) -> float | None:
    """The geometric mean; 0 if one is zero, None if there are none or one is missing."""
    values = list(ratios)
    if not values or any(value is None for value in values):
        return None
    known = [value for value in values if value is not None]
    if any(value <= 0 for value in known):
        return 0.0
    return math.exp(sum(map(math.log, known)) / len(known))


def bootstrap_median(samples: Sequence[float]) -> tuple[float, float] | None:
    """The confidence interval of the median by the percentile bootstrap; None for fewer than ``LEAST_BLOCKS``.

    The same samples always give the same interval.
    """
    if len(samples) < LEAST_BLOCKS:
        return None
    source = random.Random(len(samples))
    medians = sorted(statistics.median(source.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    cut = int(RESAMPLES * (1 - CONFIDENCE) / 2)
    return medians[cut], medians[-1 - cut]


def outliers(samples: Sequence[float]) -> list[int]:
    """Which samples lie further than five median absolute deviations from the median, by index."""
    if len(samples) < LEAST_BLOCKS:
        return []
    middle = statistics.median(samples)
    spread = statistics.median(abs(sample - middle) for sample in samples)
    return [index for index, sample in enumerate(samples) if abs(sample - middle) > 5 * spread > 0]
