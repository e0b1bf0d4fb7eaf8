# SPDX-License-Identifier: Apache-2.0
"""The few statistics that reports and budgets rest on."""

from __future__ import annotations

import math
from collections.abc import Iterable


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
