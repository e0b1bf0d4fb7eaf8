# SPDX-License-Identifier: Apache-2.0
"""One map of two sides, compared raw: what is the same is never decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.benchmark import Ignored, MapRule, Timestamp, Tolerance
from harness.benchmark import Volatile as VolatileRule
from harness.compare.entries import Entries
from harness.compare.layout import VALUE, MapLayout, Scalar


@dataclass(frozen=True, slots=True)
class Span:
    """The run's time, in nanoseconds of the target's monotonic clock; ``stalls`` are when nothing ran."""

    start_ns: int
    end_ns: int
    stalls: tuple[tuple[int, int], ...] = ()

    def running_ns(self, x: int, y: int) -> int:
        """How long the machine ran between two times."""
        first, last = min(x, y), max(x, y)
        return last - first - sum(max(0, min(end, last) - max(start, first)) for start, end in self.stalls)


@dataclass(frozen=True, slots=True)
class Breach:
    """A volatile field that breaks its rule: in which entry, which field, and how."""

    key: bytes
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class PairDifference:
    """How two sides of a map differ, by key."""

    only_left: list[bytes] = field(default_factory=list)
    only_right: list[bytes] = field(default_factory=list)
    changed: list[bytes] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Entries that differ (an entry that breaks two rules counts once)."""
        broken = {breach.key for breach in self.breaches} - set(self.changed)
        return len(self.only_left) + len(self.only_right) + len(self.changed) + len(broken)


Volatiles = tuple[tuple[Scalar, VolatileRule], ...]


def volatile_fields(layout: MapLayout, rule: MapRule) -> Volatiles:
    """The volatile fields of ``rule`` with where they lie. Raises :class:`RunError` for one that is not there."""
    return tuple((layout.scalar(path, default=VALUE), how) for path, how in rule.volatile.items())


def compare_pair(left: Entries, right: Entries, rule: MapRule, span: Span) -> PairDifference:
    """What differs between two sides' entries under ``rule``."""
    a, b = left.values, right.values
    volatiles = volatile_fields(left.layout, rule)
    if a == b and not volatiles:
        return PairDifference()
    common = list(a) if a.keys() == b.keys() else [key for key in a if key in b]
    pairs = _Pairs(common, list(map(a.__getitem__, common)), list(map(b.__getitem__, common)))
    same = _sameness(left.layout, tuple(scalar for scalar, _ in volatiles))
    return PairDifference(
        only_left=[key for key in a if key not in b] if len(common) < len(a) else [],
        only_right=[key for key in b if key not in a] if len(common) < len(b) else [],
        changed=[key for key, x, y in zip(common, pairs.left, pairs.right, strict=True) if not same(x, y)],
        breaches=[
            Breach(key, scalar.path, why)
            for scalar, how in volatiles
            for key, why in _breaches(left.layout, scalar, how, pairs, span)
        ],
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The keys that both sides have with both values, as columns: a tuple for each of a million takes long."""

    keys: list[bytes]
    left: list[bytes]
    right: list[bytes]


def _sameness(layout: MapLayout, volatile: tuple[Scalar, ...]) -> Callable[[bytes, bytes], bool]:
    """Whether two values agree in all bytes that hold something and are not volatile."""
    ranges = layout.stable_ranges(volatile)
    if ranges == ((0, layout.value_bytes),):
        return bytes.__eq__
    if len(ranges) == 1:
        start, end = ranges[0]
        return lambda x, y: x[start:end] == y[start:end]
    return lambda x, y: all(x[start:end] == y[start:end] for start, end in ranges)


def _breaches(
    layout: MapLayout,
    scalar: Scalar,
    how: VolatileRule,
    pairs: _Pairs,
    span: Span,
) -> Iterator[tuple[bytes, str]]:
    """``(key, why)`` of each entry in which the field breaks its rule; of a per-CPU value the first CPU's breach."""
    if isinstance(how, Ignored) or scalar.part != VALUE:
        return
    check = timestamp_check(how, span) if isinstance(how, Timestamp) else tolerance_check(how)
    # All values at once: a call of unpack an entry would take most of the time.
    unpack = scalar.reader(layout.value_stride).iter_unpack
    lefts, rights = unpack(b"".join(pairs.left)), unpack(b"".join(pairs.right))
    per_cpu, each = layout.per_cpu, layout.cpus if layout.per_cpu else 1
    broken = -1
    for row, ((x,), (y,)) in enumerate(zip(lefts, rights, strict=True)):
        # A CPU that never saw the entry has zeros on both sides.
        if per_cpu and x == y == 0:
            continue
        why = check(x, y)
        if why and row // each != broken:
            broken = row // each
            yield pairs.keys[broken], why


def timestamp_check(rule: Timestamp, span: Span) -> Callable[[int, int], str]:
    """Tests a pair of times: "" where they are fine, else what is wrong."""
    start, end, tolerance = span.start_ns, span.end_ns, rule.tolerance_ns

    def check(x: int, y: int) -> str:
        if start <= x <= end and start <= y <= end and -tolerance <= x - y <= tolerance:
            return ""
        for value in (x, y):
            if value == 0:
                return "is zero"
            if not start <= value <= end:
                return f"lies {_outside(value, span)}"
        if span.running_ns(x, y) <= tolerance:
            return ""
        return f"differs by {abs(x - y)} ns, more than {tolerance}"

    return check


def _outside(value: int, span: Span) -> str:
    if value < span.start_ns:
        return f"{span.start_ns - value} ns before the run"
    return f"{value - span.end_ns} ns after the run"


def tolerance_check(rule: Tolerance) -> Callable[[float, float], str]:
    """Tests a pair of amounts: "" where they are close enough, else by how much they differ."""

    def check(x: float, y: float) -> str:
        allowed = max(rule.absolute, rule.relative * max(abs(x), abs(y)))
        return "" if abs(x - y) <= allowed else f"differs by {abs(x - y):g}, more than {allowed:g}"

    return check
