# SPDX-License-Identifier: Apache-2.0
"""``report.md``: for a pull request's comment or a step summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.report import words
from harness.report.cells import COSTS, rows
from harness.report.model import BenchmarkReport, Difference, Failure, MetricAblation, Report

SHOWN_DIFFERENCES = 20
SHOWN_DEPENDENCES = 12
SHOWN_LOG = 60


def markdown(report: Report) -> str:
    """The report as Markdown."""
    parts = [_head(report)]
    if report.error is not None:
        parts.append(_failure(report.error))
    if report.cells:
        parts.append(_cells(report))
    if len(report.benchmarks) > 1:
        parts.append(_overview(report))
    parts += [_benchmark(benchmark) for benchmark in report.benchmarks]
    return "\n\n".join(parts) + "\n"


def _head(report: Report) -> str:
    verdict = {0: "parity holds", 1: "it does not hold", 2: "could not run"}.get(report.status, "interrupted")
    facts = [
        f"kernel {report.machine.kernel}" if report.machine.kernel else "",
        f"target {report.target}",
        report.compiler,
        f"seed {report.seed}",
        f"commit `{report.commit[:12]}{'-dirty' if report.commit.endswith('-dirty') else ''}`",
        words.seconds(report.timings["total"]) if "total" in report.timings else "",
    ]
    return f"# {'✅' if report.status == 0 else '❌'} Honey against C: {verdict}\n\n" + " · ".join(filter(None, facts))


def _overview(report: Report) -> str:
    benchmarks = report.benchmarks
    metrics = words.metrics_of(report)
    head = ["pair", "verdict", "C = Honey", "oracle", *(f"{words.METRIC_TITLES[m]}, Honey / C" for m in metrics)]
    rows = []
    for benchmark in benchmarks:
        ratios = benchmark.ratios.get("honey", {})
        means = [words.ratio(ratios[m].geomean) if m in ratios else words.NONE for m in metrics]
        parity = benchmark.parity
        rows.append(
            [
                words.part_name(report, benchmark),
                _mark(benchmark.ok),
                _mark(parity.equal),
                _mark(parity.oracle_equal),
                *means,
            ]
        )
    rows.append(["**all**", "", "", "", *(words.ratio(report.means.get(metric)) for metric in metrics)])
    return _table(head, rows)


def _cells(report: Report) -> str:
    costs = [f"{words.METRIC_TITLES[metric]}, Honey / C" for metric in COSTS]
    head = ["cell", "verdict", "C = Honey", "oracle", *costs, "since the last run", ""]
    lines = [
        [
            *(row.name, f"{_mark(row.ok)} {row.verdict}", _mark(row.parity), _mark(row.oracle)),
            *(words.ratio(cost) for cost in row.costs),
            *(row.changed, row.why),
        ]
        for row in rows(report)
    ]
    notes = "".join(f"\n\n{note}." for note in report.notes)
    return _table(head, lines) + notes


def _benchmark(benchmark: BenchmarkReport) -> str:
    parts = [f"## {_mark(benchmark.ok)} {benchmark.title or benchmark.name}"]
    if benchmark.reasons:
        parts.append("\n".join(f"- {reason}" for reason in benchmark.reasons))
    if benchmark.error is not None:
        parts.append(_failure(benchmark.error))
    if benchmark.parity.maps or benchmark.parity.streams:
        parts.append("; ".join([f"{benchmark.parity.events:,} events", *benchmark.parity.remarks]) + ".")
        parts.append(_maps(benchmark))
    if benchmark.differences:
        parts.append(_differences(benchmark.differences))
    if benchmark.programs:
        parts.append(_figures(benchmark))
    if benchmark.budgets:
        parts.append(_budgets(benchmark))
    if benchmark.ablation is not None:
        parts += [_ablation(one, benchmark.ablation.idle) for one in benchmark.ablation.metrics]
    return "\n\n".join(parts)


def _maps(benchmark: BenchmarkReport) -> str:
    rows = []
    for name, parity in benchmark.parity.maps.items():
        oracle = words.NONE if parity.oracle_differences is None else _count(parity.oracle_differences)
        same = _count(parity.differences) if parity.compared else "not compared"
        rows.append([f"`{name}`", f"{parity.entries:,}", same, oracle, str(parity.foreign or ""), parity.note])
    for name, stream in benchmark.parity.streams.items():
        oracle = words.NONE if stream.oracle_differences is None else _count(stream.oracle_differences)
        same = _count(stream.differences) if stream.compared else "not compared"
        rows.append([f"`{name}`", f"{stream.records:,}", same, oracle, str(stream.foreign or ""), stream.note])
    return _table(["map or stream", "entries", "C = Honey", "= oracle", "of other processes", "note"], rows)


def _count(differences: int) -> str:
    return "✅" if differences == 0 else f"❌ {differences:,} differ"


def _differences(differences: Sequence[Difference]) -> str:
    lines = []
    for difference in differences[:SHOWN_DIFFERENCES]:
        lines.append(f"- {difference.text}")
        if difference.events:
            numbers = ", ".join(
                f"#{e.seq} {e.hook}" + (f" ({e.note})" if e.note else "") for e in difference.events[:3]
            )
            more = len(difference.events) - 3 + difference.more_events
            lines.append(f"  - events: {numbers}" + (f" and {more:,} more" if more > 0 else ""))
    rest = len(differences) - SHOWN_DIFFERENCES
    if rest > 0:
        lines.append(f"- and {rest} more in `report.json`")
    return "### Differences\n\n" + "\n".join(lines)


def _figures(benchmark: BenchmarkReport) -> str:
    sides = [side for side in benchmark.sides if any(side in p for p in benchmark.programs.values())]
    compared = words.comparisons(benchmark)
    head = ["", *(f"honey / {base}" for base in compared), *(f"`{handler}`" for handler in benchmark.programs)]
    rows = []
    for metric in words.measured_metrics(benchmark):
        means = [words.with_interval(ratios.get(metric)) for ratios in compared.values()]
        cells = [_cell(benchmark, handler, metric, sides) for handler in benchmark.programs]
        rows.append([words.METRIC_TITLES[metric], *means, *cells])
    text = f"### Cost ({' / '.join(sides)})\n\n" + _table(head, rows)
    said = [f"{name}: {reason}." for name, reason in words.unmeasured(benchmark).items()]
    said += [f"{sentence}." for sentence in (*words.contenders(benchmark), words.held_against(benchmark))]
    if said:
        text += "\n\n" + "\n".join(said)
    return text


def _cell(benchmark: BenchmarkReport, handler: str, metric: str, sides: Sequence[str]) -> str:
    by_side = benchmark.programs[handler]
    return " / ".join(words.figure(words.metric_of(by_side.get(side), metric)) for side in sides)


def _budgets(benchmark: BenchmarkReport) -> str:
    rows = [
        [
            _mark(o.ok),
            words.budget_name(o),
            words.budget_limit(o),
            words.budget_figure(o, o.figure),
            o.note or o.handler,
        ]
        for o in benchmark.budgets
    ]
    return "### Budgets\n\n" + _table(["", "figure", "limit", "is", "handler"], rows)


def _ablation(one: MetricAblation, idle: Sequence[str]) -> str:
    head = ["without", *(f"`{handler}`" for handler in one.handlers), "mean", "it alone / no pass"]
    rows = [
        [
            saving.name,
            *map(words.ratio, saving.handlers.values()),
            words.ratio(saving.without),
            words.ratio(saving.alone),
        ]
        for saving in one.passes
    ]
    rows.append(["all of them", *map(words.ratio, one.handlers.values()), words.ratio(one.none), ""])
    text = f"### What each pass saves: {words.METRIC_TITLES[one.metric]}, without it / with all\n\n{_table(head, rows)}"
    if one.dependences:
        lines = [
            f"- {words.dependence(two)} ({words.ratio(two.together)} without both, {words.ratio(two.apart)} one by one)"
            for two in one.dependences[:SHOWN_DEPENDENCES]
        ]
        rest = len(one.dependences) - SHOWN_DEPENDENCES
        text += "\n\n" + "\n".join([*lines, *([f"- and {rest} more in `report.json`"] if rest > 0 else [])])
    return text + (f"\n\nWithout effect here: {', '.join(idle)}." if idle else "")


def _failure(error: Failure) -> str:
    whose = "/".join(filter(None, (error.side, error.program)))
    text = f"**{error.step}**{f' ({whose})' if whose else ''}: {error.message}"
    return f"{text}\n\n```\n{words.tail(error.log, SHOWN_LOG)}\n```" if error.log else text


def _mark(ok: bool | None) -> str:
    return words.NONE if ok is None else "✅" if ok else "❌"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
