# SPDX-License-Identifier: Apache-2.0
"""The few statistics that reports and budgets rest on."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable, Sequence

#: The fewest blocks whose range holds the median with :data:`CONFIDENCE`: 1 - 2 / 2**8 is 0.992.
LEAST_BLOCKS = 8
RESAMPLES = 4000
_LEAST_OF_OUTLIERS = 5
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


def median_interval(samples: Sequence[float]) -> tuple[float, float] | None:
    """The confidence interval of the median; None for fewer than ``LEAST_BLOCKS``.

    It is the percentile bootstrap's, which from few samples is too narrow (:func:`bootstrap_median`), widened to the
    samples that the sign test allows (:func:`sign_ranks`), which holds for whatever distribution. The same samples
    always give the same interval.
    """
    if len(samples) < LEAST_BLOCKS:
        return None
    low, high = bootstrap_median(samples)
    ordered, rank = sorted(samples), sign_ranks(len(samples))
    return min(low, ordered[rank]), max(high, ordered[-1 - rank])


def bootstrap_median(samples: Sequence[float]) -> tuple[float, float]:
    """The interval of the median by the percentile bootstrap. Of ten samples it covers 0.97 where 0.99 is meant."""
    source = random.Random(len(samples))
    medians = sorted(statistics.median(source.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    cut = int(RESAMPLES * (1 - CONFIDENCE) / 2)
    return medians[cut], medians[-1 - cut]


def sign_ranks(count: int) -> int:
    """How many of ``count`` ordered samples may be left out at each end, so that the rest still holds the median.

    That it lies beyond ``k`` samples of an end means that ``k`` tosses of a coin or fewer came up tails of ``count``.
    """
    tails, left_out = 0.0, 0
    while True:
        tails += math.comb(count, left_out) / 2**count
        if tails > (1 - CONFIDENCE) / 2:
            return max(0, left_out - 1)
        left_out += 1


def outliers(samples: Sequence[float]) -> list[int]:
    """Which samples lie further than five median absolute deviations from the median, by index."""
    if len(samples) < _LEAST_OF_OUTLIERS:
        return []
    middle = statistics.median(samples)
    spread = statistics.median(abs(sample - middle) for sample in samples)
    return [index for index, sample in enumerate(samples) if abs(sample - middle) > 5 * spread > 0]
