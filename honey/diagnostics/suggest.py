# SPDX-License-Identifier: Apache-2.0
"""Which name was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def closest(name: str, candidates: Iterable[str], most: int | None = None) -> str | None:
    """The candidate nearest to `name` in typing errors, if one is near enough; of equals the first in the alphabet.

    A name that is only the beginning of another counts as near, too: `len` of `length`, `bpf_get_current_pid` of
    `bpf_get_current_pid_tgid`; or its end, `port` of `sin_port`. `most` limits the errors, and leaves these out.
    """
    limit = most if most is not None else max(1, len(name) // 3) if len(name) > 1 else 0
    best: tuple[int, str] | None = None
    folded = name.casefold()
    for candidate in candidates:
        if candidate == name:
            continue
        other = candidate.casefold()
        far = abs(len(candidate) - len(name)) > limit
        distance = limit + 1 if far else _distance(folded, other, limit)
        if most is None and _begins(folded, other):
            distance = min(distance, limit, 2)
        if distance <= limit and (best is None or (distance, candidate) < best):
            best = (distance, candidate)
    return best[1] if best is not None else None


_LEAST_BEGINNING = 3
"""Characters of a name that say which longer one it may be short for."""


def _begins(one: str, other: str) -> bool:
    """Whether one of two names is the other's beginning or last word, and at least half of it."""
    short, long = sorted((one, other), key=len)
    if len(short) < max(_LEAST_BEGINNING, len(long) // 2):
        return False
    return long.startswith(short) or long.endswith(f"_{short}")


def did_you_mean(name: str, candidates: Iterable[str], prefix: str = "") -> str | None:
    """A help line with the nearest candidate, or `None`. `prefix` is shown before it, as in `:` for atoms."""
    found = closest(name, candidates)
    return f"did you mean `{prefix}{found}`?" if found is not None else None


def _distance(left: str, right: str, limit: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours between two words; anything above `limit` if it is more.

    Optimal string alignment distance (Damerau, Levenshtein).
    """
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        line = [i]
        for j, b in enumerate(right, 1):
            cost = min(row[j] + 1, line[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            line.append(cost)
        if min(line) > limit:
            return limit + 1
        before, row = row, line
    return row[-1]
