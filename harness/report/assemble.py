# SPDX-License-Identifier: Apache-2.0
"""Makes the report's parts from what comparing, measuring and judging found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.ablation import Ablation
from harness.benchmark import HONEY, NOISY_METRICS, C
from harness.build import BuiltPair, BuiltSide
from harness.compare.difference import EntryDifference
from harness.compare.one_map import ComparedMap
from harness.compare.run import Comparison
from harness.compare.truth import Truth
from harness.judge import Outcome
from harness.measure import figures as measured
from harness.measure.attribution import Attribution, Counted
from harness.objects import BpfObject
from harness.report import model
from harness.report.changes import TIMED
from harness.variants import Variants
from workloads.events import Event

_FRACTIONS = (
    "executed_insns_per_event",
    "guest_insns_per_event",
    *NOISY_METRICS,
    "overhead_ns",
    "overhead_guest_insns",
)


#: Fewer compilations give a time that no limit is held against.
LEAST_ROUNDS = 5


def parity(comparison: Comparison) -> model.Parity:
    """The parity part."""
    return model.Parity(
        equal=comparison.equal,
        oracle_equal=comparison.oracle_equal,
        events=comparison.events,
        remarks=list(comparison.remarks),
        maps={name: _map(compared) for name, compared in comparison.maps.items()},
        streams={
            name: model.StreamParity(
                records=one.records,
                differences=one.against(HONEY),
                oracle_differences=one.oracle_differences,
                foreign=one.foreign,
                compared=one.rule.compare,
                note=one.rule.reason,
            )
            for name, one in comparison.streams.items()
        },
        contenders={
            side: model.ContenderParity(equal=count == 0, differences=count)
            for side, count in comparison.contenders.items()
        },
    )


def _map(compared: ComparedMap) -> model.MapParity:
    note = compared.rule.reason
    if compared.full:
        note = "full: the first keys are held, later ones are not taken"
    return model.MapParity(
        entries=len(compared.sides[C].values),
        differences=compared.against(HONEY) if compared.rule.compare else 0,
        oracle_differences=compared.oracle_differences,
        foreign=compared.foreign,
        compared=compared.rule.compare,
        note=note,
    )


def truth(found: Sequence[Truth]) -> list[model.Truth]:
    """The columns of ground truth."""
    return [model.Truth.model_validate(asdict(one)) for one in found]


def differences(found: Sequence[EntryDifference]) -> list[model.Difference]:
    """The differing entries."""
    return [
        model.Difference.model_validate(
            {
                "place": one.map,
                "key": _json(one.key),
                "label": one.label,
                "between": one.between,
                "columns": _json(one.columns),
                "fields": [{"path": f.path, "columns": _json(f.columns), "why": f.why} for f in one.fields],
                "text": one.text,
                "events": [_event(event) for event in one.events],
                "more_events": one.more_events,
            }
        )
        for one in found
    ]


def _event(event: Event) -> model.Event:
    return model.Event(
        seq=event.seq,
        hook=event.hook,
        pid=event.pid,
        args=list(event.args),
        note=event.note,
        count=event.count,
    )


def _json(value: Any) -> Any:
    """A typed value as JSON can hold it: bytes as hex."""
    if isinstance(value, Mapping):
        return {str(name): _json(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(part) for part in value]
    return value.hex() if isinstance(value, (bytes, bytearray)) else value


def programs(table: measured.FigureTable) -> dict[str, dict[str, model.Figures]]:
    """The figures by handler and side."""
    return {handler: {side: _figures(one) for side, one in sides.items()} for handler, sides in table.items()}


def _figures(one: measured.Figures) -> model.Figures:
    values: dict[str, Any] = {
        name: value if value is None else round(value, 3) if name in _FRACTIONS else int(value)
        for name, value in one.values.items()
    }
    return model.Figures(
        **values,
        ns_per_event_ci=one.intervals.get(TIMED),
        ns_by_block=[round(value, 3) for value in one.by_block.get(TIMED, {}).values()],
        counters_ci={metric: interval for metric, interval in one.intervals.items() if metric != TIMED},
        counters_by_block={
            metric: [round(value, 3) for value in samples.values()]
            for metric, samples in one.by_block.items()
            if metric != TIMED and samples
        },
        unavailable=dict(one.unavailable),
    )


def sides(pair: BuiltPair, objects: Mapping[str, BpfObject]) -> dict[str, model.Side]:
    """Where each side came from."""
    out: dict[str, model.Side] = {}
    for name, built in pair.sides.items():
        maps = objects[name].declared_maps.values()
        out[name] = model.Side(
            source=built.source,
            command=built.command,
            compile_s=round(built.seconds, 4) if built.command else None,
            compile_rounds=built.rounds,
            source_lines=built.source_lines,
            emitted_lines=built.emitted_lines,
            maps=len(maps),
            map_bytes=sum(
                one.max_entries if one.type == "ringbuf" else one.max_entries * (one.key_size + one.value_size)
                for one in maps
            ),
        )
    return out


def side_figures(parts: Mapping[str, model.Side]) -> dict[str, dict[str, float | None]]:
    """The figures that a side has one of, as budgets name them; a time that was not taken with care is none."""
    names = ("source_lines", "emitted_lines", "compile_s", "maps", "map_bytes")
    figures = {side: {name: getattr(part, name) for name in names} for side, part in parts.items()}
    for side, part in parts.items():
        if part.compile_rounds < LEAST_ROUNDS:
            figures[side]["compile_s"] = None
    return figures


def budgets(outcomes: Sequence[Outcome]) -> list[model.BudgetOutcome]:
    """The limits and what became of them."""
    return [model.BudgetOutcome.model_validate(asdict(outcome)) for outcome in outcomes]


def attribution(found: Attribution, built: BuiltSide, root: Path) -> model.Attribution:
    """A side's instructions beside its sources, which are read below ``root``."""
    counts = found.by_line()
    files = dict.fromkeys(file for file, _ in counts if file)
    emitted = built.emitted.read_text(encoding="utf-8").splitlines() if built.emitted else []
    return model.Attribution(
        sources=[_source(file, root / file, counts) for file in files if (root / file).is_file()],
        emitted=emitted,
        handlers={handler: [_instruction(one) for one in insns] for handler, insns in found.handlers.items()},
    )


def _instruction(one: Counted) -> model.Instruction:
    executed = None if one.executed is None else round(one.executed, 3)
    return model.Instruction(
        slot=one.slot, text=one.text, cause=one.cause, file=one.file, line=one.line, executed=executed
    )


def _source(file: str, path: Path, counts: Mapping[tuple[str, int], tuple[int, float]]) -> model.Source:
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        insns, executed = counts.get((file, number), (0, 0.0))
        lines.append(model.SourceLine(text=text, insns=insns, executed=round(executed, 3) if insns else None))
    return model.Source(file=file, lines=lines)


def causes(found: Mapping[str, Attribution]) -> list[model.Cause]:
    """The causes by side, those with the largest difference between Honey and C first."""
    by_side = {side: one.by_cause() for side, one in found.items()}
    names = dict.fromkeys(name for counts in by_side.values() for name in counts)
    out = []
    for name in names:
        counts = {side: one.get(name, (0, 0.0)) for side, one in by_side.items()}
        out.append(
            model.Cause(
                cause=name,
                sides={side: model.CauseCount(insns=n, executed=round(e, 3)) for side, (n, e) in counts.items()},
                difference=round(counts[HONEY][1] - counts[C][1], 3),
            )
        )
    return sorted(out, key=lambda one: -abs(one.difference))


def ablation(variants: Variants, found: Sequence[Ablation]) -> model.PassAblation:
    """What each pass saves, by metric."""
    return model.PassAblation(
        idle=list(variants.idle),
        metrics=[
            model.MetricAblation(
                metric=one.metric,
                none=_rounded(one.none),
                handlers=_all_rounded(one.handlers),
                passes=[
                    model.PassSaving(
                        name=saving.name,
                        without=_rounded(saving.without),
                        alone=_rounded(saving.alone),
                        handlers=_all_rounded(saving.handlers),
                    )
                    for saving in one.savings
                ],
                dependences=[
                    model.PassDependence(
                        passes=(two.first, two.second),
                        needs=two.needs,
                        together=round(two.together, 4),
                        apart=round(two.apart, 4),
                    )
                    for two in one.dependences
                ],
            )
            for one in found
        ],
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _all_rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: _rounded(value) for name, value in values.items()}
