# SPDX-License-Identifier: Apache-2.0
"""The report as tables in a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harness.report import words
from harness.report.cells import COSTS, rows
from harness.report.model import BenchmarkReport, Failure, MapParity, Ratio, Report, StreamParity
from harness.report.wide_table import Column, tables

SHOWN_DIFFERENCES = 10
SHOWN_LOG = 30
SHOWN_CHANGES = 8
_STYLES = {None: "", True: "green", False: "yellow"}
#: Where the output is no terminal there is no width to keep to.
PLAIN_WIDTH = 160


class _PatientConsole(Console):
    """A console whose reader may go, as in ``harness run | head``: the run goes on, and its status is the truth."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def make_console(*, stderr: bool = False) -> Console:
    """A console for people: colours and the terminal's width where there is one."""
    console = _PatientConsole(stderr=stderr, highlight=False, emoji=False)
    if not console.is_terminal:
        console = _PatientConsole(stderr=stderr, highlight=False, emoji=False, width=PLAIN_WIDTH)
    return console


def show(report: Report, console: Console) -> None:
    """Print the tables and, last, the verdict."""
    for benchmark in report.benchmarks:
        _show_benchmark(benchmark, console)
    if len(report.benchmarks) > 1:
        console.print(*_overview(report, console.width))
    if report.cells:
        console.print(*_cells(report, console.width))
    for note in report.notes:
        console.print(escape(note), style="dim")
    show_verdict(report, console)


def show_verdict(report: Report, console: Console) -> None:
    """Print what went wrong, if anything, and the verdict."""
    if report.error is not None:
        _show_failure(report.error, console)
    console.print(_last_line(report))


def _show_benchmark(benchmark: BenchmarkReport, console: Console) -> None:
    console.print()
    console.rule(f"[bold]{escape(benchmark.title or benchmark.name)}[/]", align="left", characters="─")
    facts = (f"kernel {benchmark.kernel}", f"target {benchmark.target}", benchmark.compiler, f"seed {benchmark.seed}")
    console.print(escape(" · ".join(facts)), style="dim")
    if benchmark.error is not None:
        _show_failure(benchmark.error, console)
    if benchmark.parity.maps or benchmark.parity.streams:
        console.print(*_maps(benchmark, console.width))
    _show_differences(benchmark, console)
    if benchmark.programs:
        console.print(*_figures(benchmark, console.width))
        for name, reason in words.unmeasured(benchmark).items():
            console.print(f"{name}: {reason}", style="dim")
        for sentence in words.contenders(benchmark):
            console.print(sentence, style="dim")
    if benchmark.budgets:
        _show_budgets(benchmark, console)
    if benchmark.programs:
        console.print(words.held_against(benchmark), style="dim")
    for line in (benchmark.since_last or [])[:SHOWN_CHANGES]:
        console.print(f"since the last run: {escape(line)}", style="dim")


def _maps(benchmark: BenchmarkReport, width: int) -> Iterator[Table]:
    places: list[tuple[str, int, MapParity | StreamParity]]
    places = [(name, parity.entries, parity) for name, parity in benchmark.parity.maps.items()]
    places += [(name, stream.records, stream) for name, stream in benchmark.parity.streams.items()]
    parities = [parity for _, _, parity in places]
    columns = [
        Column("entries", [Text(f"{number:,}") for _, number, _ in places]),
        Column("C = Honey", [_same(parity) for parity in parities]),
        Column("= oracle", [_predicted(parity) for parity in parities]),
        Column("of others", [Text(str(parity.foreign or "")) for parity in parities]),
    ]
    first = Column("map or stream", [Text(name) for name, _, _ in places], right=False)
    events = "; ".join([f"{benchmark.parity.events:,} events", *benchmark.parity.remarks])
    return tables(escape(events), first, columns, width)


def _same(parity: MapParity | StreamParity) -> Text:
    return _count(parity.differences) if parity.compared else Text("not compared", "dim")


def _predicted(parity: MapParity | StreamParity) -> Text:
    found = parity.oracle_differences
    return Text(words.NONE, "dim") if found is None else _count(found)


def _count(differences: int) -> Text:
    return Text("yes", "green") if differences == 0 else Text(f"{differences:,} differ", "bold red")


def _show_differences(benchmark: BenchmarkReport, console: Console) -> None:
    for difference in benchmark.differences[:SHOWN_DIFFERENCES]:
        console.print(f"[red]≠[/] {escape(difference.text)}")
        for event in difference.events[:3]:
            note = f": {event.note}" if event.note else ""
            console.print(f"    event {event.seq}, {event.hook}, pid {event.pid}{escape(note)}", style="dim")
        more = len(difference.events[3:]) + difference.more_events
        if more:
            console.print(f"    and {more:,} more events", style="dim")
    rest = len(benchmark.differences) - SHOWN_DIFFERENCES
    if rest > 0:
        console.print(f"  and {rest} more in report.json", style="dim")


def _figures(benchmark: BenchmarkReport, width: int) -> Iterator[Table]:
    sides = [side for side in benchmark.sides if any(side in p for p in benchmark.programs.values())]
    metrics = words.measured_metrics(benchmark)
    columns = [
        Column(f"honey / {base}", [_ratio(metric, ratios.get(metric)) for metric in metrics])
        for base, ratios in words.comparisons(benchmark).items()
    ]
    for name, by_side in benchmark.programs.items():
        found = [[words.figure(words.metric_of(by_side.get(side), metric)) for side in sides] for metric in metrics]
        columns.append(Column(name, [Text(" / ".join(figures)) for figures in found]))
    first = Column("", [Text(words.METRIC_TITLES[metric]) for metric in metrics], right=False)
    return tables(" / ".join(sides), first, columns, width)


def _ratio(metric: str, one: Ratio | None, *, short: bool = False) -> Text:
    """A mean ratio, coloured only where it is clear, with its interval where it has one and there is room."""
    better = words.better(metric, one.geomean, one.interval) if one else None
    return Text(words.ratio(one.geomean if one else None) if short else words.with_interval(one), _STYLES[better])


def _show_budgets(benchmark: BenchmarkReport, console: Console) -> None:
    crossed = [outcome for outcome in benchmark.budgets if outcome.ok is False]
    unknown = [outcome for outcome in benchmark.budgets if outcome.ok is None]
    held = len(benchmark.budgets) - len(crossed) - len(unknown)
    console.print(f"budgets: {held} hold, {len(crossed)} crossed, {len(unknown)} not measured")
    for outcome in crossed:
        at = f" ({outcome.handler})" if outcome.handler else ""
        is_now = words.budget_figure(outcome, outcome.figure)
        note = f"; {outcome.note}" if outcome.note else ""
        console.print(f"[red]✗[/] {words.budget_name(outcome)}: {is_now}{at}, {words.budget_limit(outcome)}{note}")


def _overview(report: Report, width: int) -> Iterator[Table]:
    parts = report.benchmarks
    none = Text("")
    columns = [
        Column("verdict", [*(_mark(part.ok) for part in parts), none]),
        Column("parity", [*(_mark(part.parity.equal) for part in parts), none]),
        Column("oracle", [*(_mark(part.parity.oracle_equal) for part in parts), none]),
    ]
    for metric in words.metrics_of(report):
        cells = [_ratio(metric, part.ratios.get("honey", {}).get(metric), short=True) for part in parts]
        mean = report.means.get(metric)
        every = Text(words.ratio(mean), _STYLES[words.better(metric, mean)])
        columns.append(Column(words.METRIC_TITLES[metric], [*cells, every]))
    first = Column("pair", [*(Text(words.part_name(report, part)) for part in parts), Text("all")], right=False)
    return tables("Honey / C, geometric means", first, columns, width, last=True)


def _cells(report: Report, width: int) -> Iterator[Table]:
    found = rows(report)
    columns = [
        Column("verdict", [Text(row.verdict, "green" if row.ok else "bold red") for row in found], right=False),
        Column("C = Honey", [_mark(row.parity) for row in found], right=False),
        Column("= oracle", [_mark(row.oracle) for row in found], right=False),
    ]
    for number, metric in enumerate(COSTS):
        columns.append(Column(words.METRIC_TITLES[metric], [Text(words.ratio(row.costs[number])) for row in found]))
    columns.append(Column("since the last run", [Text(row.changed) for row in found], right=False, words=True))
    if any(row.why for row in found):
        columns.append(Column("why", [Text(row.why) for row in found], right=False, words=True))
    return tables("Cells", Column("cell", [Text(row.name) for row in found], right=False), columns, width)


def _mark(ok: bool | None) -> Text:
    return Text(words.NONE, "dim") if ok is None else Text("yes", "green") if ok else Text("no", "bold red")


def _show_failure(error: Failure, console: Console) -> None:
    whose = "/".join(filter(None, (error.side, error.program)))
    console.print(f"[bold red]error[/] in {escape(error.step)}{f' ({escape(whose)})' if whose else ''}: ", end="")
    console.print(escape(error.message))
    for line in words.tail(error.log or "", SHOWN_LOG).splitlines():
        console.print("  " + escape(line), style="dim")


def _last_line(report: Report) -> Text:
    took = f" in {words.seconds(report.timings['total'])}" if "total" in report.timings else ""
    if report.status == 0:
        return Text(f"parity holds{took}", "bold green")
    if report.status == 1:
        text = Text(f"it does not hold{took}: ", "bold red")
        reasons = [f"{words.part_name(report, b)}: {reason}" for b in report.benchmarks for reason in b.reasons]
        return text.append("; ".join(reasons), "red")
    return Text(f"the run did not come to a result{took}", "bold red")
