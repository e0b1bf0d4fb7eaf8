# SPDX-License-Identifier: Apache-2.0
"""A matrix in its report: a row for each cell, and what lies with the compilers rather than with Honey."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.benchmark import HONEY, C
from harness.measure.statistics import geometric_mean
from harness.report.model import BenchmarkReport, Cell, Report

#: The costs of a cell: what an event takes.
COSTS = ("executed_insns_per_event", "guest_insns_per_event", "ns_per_event")
_VERDICTS = {0: "holds", 1: "does not hold"}
#: What a report says of a cell in one line.
_ROOM = 160
#: Compilers that treat both sides alike keep their ratio to this factor.
_ALIKE = 1.03


@dataclass(frozen=True, slots=True)
class Row:
    """A cell in words: its verdict, what changed since the last run on it, and what is the matter, if anything.

    ``parity`` and ``oracle`` say whether all its pairs agree, None where none came to a result; ``costs`` are Honey's
    over C, the geometric means over its pairs, in the order of :data:`COSTS`, None where a pair has none.
    """

    name: str
    verdict: str
    ok: bool
    parity: bool | None
    oracle: bool | None
    costs: tuple[float | None, ...]
    changed: str
    why: str


def rows(report: Report) -> list[Row]:
    """The rows of a matrix's report, none for other reports."""
    return [_row(cell, report.benchmarks[cell.first : cell.first + cell.count]) for cell in report.cells]


def _row(cell: Cell, parts: Sequence[BenchmarkReport]) -> Row:
    ran = [part for part in parts if part.error is None]
    oracles = [part.parity.oracle_equal for part in ran if part.parity.oracle_equal is not None]
    return Row(
        name=cell.name,
        verdict=_VERDICTS.get(cell.status, "no result"),
        ok=cell.status == 0,
        parity=all(part.parity.equal for part in ran) if ran else None,
        oracle=all(oracles) if oracles else None,
        costs=tuple(_mean(metric, ran) for metric in COSTS),
        changed=_changed(parts),
        why="; ".join(_matters(cell, parts)),
    )


def _mean(metric: str, parts: Sequence[BenchmarkReport]) -> float | None:
    ratios = [part.ratios.get(HONEY, {}).get(metric) for part in parts if part.programs]
    return geometric_mean(None if one is None else one.geomean for one in ratios)


def _changed(parts: Sequence[BenchmarkReport]) -> str:
    if not any(part.since_last is not None for part in parts):
        return "first run" if parts else ""
    lines = [f"{part.name}: {line}" for part in parts for line in part.since_last or ()]
    return "nothing" if not lines else lines[0] if len(lines) == 1 else f"{lines[0]}, and {len(lines) - 1} more"


def _matters(cell: Cell, parts: Sequence[BenchmarkReport]) -> Iterator[str]:
    if cell.error is not None:
        yield _short(f"{cell.error.step}: {cell.error.message}")
    for part in parts:
        if part.error is not None:
            yield f"{part.name}: {_short(part.error.message)}"
        elif not part.ok:
            yield f"{part.name}: {_short('; '.join(part.reasons))}"


def _short(words: str) -> str:
    return words if len(words) <= _ROOM else words[: _ROOM - 3] + "..."


def compiler_notes(parts: Sequence[BenchmarkReport]) -> list[str]:
    """Where compilers make different code of the same sources, in sentences."""
    pairs: dict[tuple[str, str, str], dict[str, BenchmarkReport]] = {}
    for part in parts:
        pairs.setdefault((part.name, part.kernel, part.target), {})[part.compiler] = part
    notes: dict[str, None] = {}
    for (name, _, _), by_compiler in pairs.items():
        notes |= dict.fromkeys(_notes(name, by_compiler))
    return list(notes)


def _notes(name: str, by_compiler: Mapping[str, BenchmarkReport]) -> Iterator[str]:
    known = {compiler: part for compiler, part in by_compiler.items() if _insns(part, HONEY) and _insns(part, C)}
    counts = {side: {compiler: _insns(part, side) for compiler, part in known.items()} for side in (HONEY, C)}
    differ = [side for side, by in counts.items() if len(set(by.values())) > 1]
    if not differ:
        return
    said = "; ".join(
        f"{side}: " + ", ".join(f"{number} with {compiler}" for compiler, number in counts[side].items())
        for side in differ
    )
    yield f"{name}: the compilers make different code {_whose(counts)} (instructions in the object, {said})"


def _whose(counts: Mapping[str, Mapping[str, int]]) -> str:
    """On whose account code differs, given the instructions by side and compiler."""
    if len(set(counts[C].values())) < 2:
        return "of what Honey emits, but not of C"
    over = {compiler: counts[HONEY][compiler] / number for compiler, number in counts[C].items()}
    if max(over.values()) <= _ALIKE * min(over.values()):
        return "of C as well: this is not Honey's doing"
    shown = ", ".join(f"{ratio:.2f} with {compiler}" for compiler, ratio in over.items())
    return f"of C as well, but not to the same extent: honey / c is {shown}"


def _insns(part: BenchmarkReport, side: str) -> int:
    """Instructions of a side's handlers, 0 where they are not known."""
    figures = [sides[side].object_insns for sides in part.programs.values() if side in sides]
    return sum(number or 0 for number in figures)
