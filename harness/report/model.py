# SPDX-License-Identifier: Apache-2.0
"""``report.json``, schema 1: the contract for everything downstream. A breaking change raises ``schema``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of the report: complete, and never changed once made."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class MapParity(Part):
    """A map's comparison. ``entries`` are the C side's, ``differences`` the entries in which Honey and C disagree."""

    entries: int
    differences: int
    oracle_differences: int | None = Field(default=None, description="entries in which a side and the oracle disagree")
    foreign: int = Field(default=0, description="entries that other processes of the machine caused")
    compared: bool = True
    note: str = ""


class StreamParity(Part):
    """An event stream's comparison, in records."""

    records: int
    differences: int
    oracle_differences: int | None = None
    foreign: int = Field(default=0, description="records that other processes of the machine caused")
    compared: bool = True
    note: str = ""


class ContenderParity(Part):
    """A contender against C; not part of the verdict, but a budget against one that differs is not met."""

    equal: bool
    differences: int


class Parity(Part):
    """Whether the sides agree with each other, and with the oracle (null where the benchmark has none)."""

    equal: bool
    oracle_equal: bool | None
    events: int
    remarks: list[str] = Field(default=[], description="how the workload was done, and what it could not do")
    maps: dict[str, MapParity] = {}
    streams: dict[str, StreamParity] = {}
    contenders: dict[str, ContenderParity] = {}


class Truth(Part):
    """A figure that the program monitors beside what really happened, over the workload's own processes."""

    field: str
    monitored: int
    moved: int


class FieldColumns(Part):
    """A field and what each column says of it (null: nothing)."""

    path: str
    columns: dict[str, Any]
    why: str = ""


class Event(Part):
    """An event that led to a difference, in short."""

    seq: int
    hook: str
    pid: int = 0
    args: list[int] = []
    note: str = ""
    count: int = 1


class Difference(Part):
    """An entry in which columns disagree: typed key and values, the whole in words, and the events that led there."""

    place: str = Field(description="the map or stream")
    key: Any
    label: str
    between: Literal["sides", "contender", "oracle", "padding", "total"]
    columns: dict[str, Any]
    fields: list[FieldColumns] = []
    text: str
    events: list[Event] = []
    more_events: int = 0


class Figures(Part):
    """A handler's cost on one side. A figure that could not be had is null, with its reason in ``unavailable``."""

    object_insns: int | None = None
    xlated_insns: int | None = None
    jited_bytes: int | None = None
    stack_bytes: int | None = None
    verified_insns: int | None = None
    executed_insns_per_event: float | None = None
    guest_insns_per_event: float | None = None
    ns_per_event: float | None = None
    ns_per_event_ci: tuple[float, float] | None = None
    cpu_insns_per_event: float | None = Field(default=None, description="machine instructions, by hardware counters")
    cpu_cycles_per_event: float | None = None
    cache_misses_per_event: float | None = None
    peak_states: int | None = None
    total_states: int | None = None
    load_ns: int | None = None
    events_measured: int | None = None
    overhead_ns: float | None = Field(default=None, description="taken off ns_per_event: an empty program's")
    overhead_guest_insns: float | None = None
    ns_by_block: list[float] = []
    counters_ci: dict[str, tuple[float, float]] = Field(default={}, description="as ns_per_event_ci, by metric")
    counters_by_block: dict[str, list[float]] = Field(default={}, description="as ns_by_block, by metric")
    unavailable: dict[str, str] = {}


class Interval(Part):
    """A ratio's confidence interval (99 %); ``conclusive`` where it does not contain 1. ``outliers`` names blocks."""

    low: float
    high: float
    conclusive: bool
    outliers: list[int] = []


class Ratio(Part):
    """A metric of one side over that of another: by handler, and the geometric mean (null where one is missing)."""

    geomean: float | None
    handlers: dict[str, float | None]
    interval: Interval | None = Field(default=None, description="of the mean, for noisy figures from enough blocks")
    intervals: dict[str, Interval] = Field(default={}, description="by handler likewise")


class Side(Part):
    """Where a side came from and what it took to compile. Lines are lines of code."""

    source: str
    command: str
    compile_s: float | None = Field(description="the least of ``compile_rounds`` compilations")
    compile_rounds: int = 1
    source_lines: int | None
    emitted_lines: int | None
    maps: int
    map_bytes: int


class BudgetOutcome(Part):
    """A limit, the figure it is about, and whether it holds (null: the figure could not be had)."""

    metric: str
    side: str
    against: str
    kind: Literal["geomean", "worst", "worst_below", "ratio", "at_most", "baseline"]
    limit: float
    figure: float | None
    handler: str = ""
    ok: bool | None
    note: str = Field(default="", description="why it does not hold although the figure would")


class SourceLine(Part):
    """A line of a source: the instructions it became, and how many of them an event executes.

    Both are summed over the handlers, each handler's executed count being per event of its own.
    """

    text: str
    insns: int = 0
    executed: float | None = None


class Source(Part):
    """A source file with its counts; the first line is line 1."""

    file: str
    lines: list[SourceLine]


class Instruction(Part):
    """An instruction of a handler: what it is for, which source line it comes from, how often an event executes it."""

    slot: int
    text: str
    cause: str
    file: str
    line: int
    executed: float | None = None


class Attribution(Part):
    """Where a side's cost comes from. ``emitted`` is the C that a Honey source became."""

    sources: list[Source] = []
    emitted: list[str] = []
    handlers: dict[str, list[Instruction]] = {}


class CauseCount(Part):
    """Instructions of one cause: in the object, and executed per event."""

    insns: int
    executed: float


class Cause(Part):
    """A cause of cost by side, summed over the handlers; ``difference`` is Honey's executed count less C's."""

    cause: str
    sides: dict[str, CauseCount]
    difference: float


class PassSaving(Part):
    """A pass of the compiler: cost ``without`` it over the cost with all passes, as geometric mean and by handler.

    ``alone`` is the cost with no pass but it over the cost with none (null: not measured).
    """

    name: str
    without: float | None
    alone: float | None
    handlers: dict[str, float | None]


class PassDependence(Part):
    """Two passes that save more together than one by one (``needs``), or less (not: they do each other's work).

    ``together`` is the cost without both over the cost with all, ``apart`` the product of what each costs.
    """

    passes: tuple[str, str]
    needs: bool
    together: float
    apart: float


class MetricAblation(Part):
    """What the passes save in one metric; ``none`` is the cost without any pass over the cost with all."""

    metric: str
    none: float | None
    handlers: dict[str, float | None]
    passes: list[PassSaving]
    dependences: list[PassDependence] = []


class PassAblation(Part):
    """What each pass of the compiler saves; ``idle`` passes change nothing in this program."""

    idle: list[str]
    metrics: list[MetricAblation]


class Past(Part):
    """An earlier run of the same benchmark on the same kernel and target: Honey's geometric means over C by metric."""

    created: str
    commit: str
    ratios: dict[str, float]


class Failure(Part):
    """What kept a run or a benchmark from coming to a result. ``log`` holds the words of the tool that refused."""

    step: str
    message: str
    side: str | None = None
    program: str | None = None
    log: str | None = None


class BenchmarkReport(Part):
    """One benchmark on one kernel. ``ok`` is the verdict, ``reasons`` say why it is not."""

    name: str
    title: str = ""
    kernel: str
    target: str
    compiler: str
    seed: int
    commit: str
    mode: str = "shadow"
    ok: bool
    reasons: list[str] = []
    parity: Parity
    truth: list[Truth] = []
    differences: list[Difference] = []
    programs: dict[str, dict[str, Figures]] = {}
    ratios: dict[str, dict[str, Ratio]] = Field(default={}, description="by side and metric, over C")
    over: dict[str, dict[str, Ratio]] = Field(default={}, description="Honey over each contender, by metric")
    sides: dict[str, Side] = {}
    budgets: list[BudgetOutcome] = []
    baseline: bool = Field(default=False, description="whether the figures were held against the committed baseline")
    count_slack: float = Field(default=0.002, description="the ratio by which guest instructions vary from run to run")
    attribution: dict[str, Attribution] = {}
    causes: list[Cause] = Field(default=[], description="where the difference comes from, the largest first")
    ablation: PassAblation | None = Field(default=None, description="what each pass saves; null: not asked for")
    since_last: list[str] | None = Field(
        default=None,
        description="what changed since the last run on this kernel, target and compiler; null: no such run",
    )
    history: list[Past] = Field(default=[], description="earlier runs, the oldest first")
    timings: dict[str, float] = {}
    error: Failure | None = None


class Machine(Part):
    """Where a run took place, without anything that names the machine or its user."""

    kernel: str = ""
    kernel_version: str = ""
    cpus: int | None = None
    agent: dict[str, Any] = {}
    tools: dict[str, str] = Field(default={}, description="versions of what the target was made with")
    host_python: str = ""
    host_kernel: str = ""
    vmlinux: str = Field(default="", description="first digits of the SHA-256 of the BTF that vmlinux.h was made from")


class Cell(Part):
    """A run of a matrix: its benchmarks are ``count`` of the report's, from ``first`` on; ``status`` as a run's."""

    name: str
    status: int
    first: int
    count: int
    error: Failure | None = None


class Report(Part):
    """A run."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    created: str = Field(description="UTC, ISO 8601")
    commit: str
    target: str
    compiler: str
    seed: int
    status: int = Field(description="the exit status: 0 holds, 1 differs, 2 could not run")
    machine: Machine = Machine()
    benchmarks: list[BenchmarkReport] = []
    means: dict[str, float] = Field(
        default={}, description="by metric: the geometric mean over the benchmarks of Honey's geometric means over C"
    )
    cells: list[Cell] = Field(default=[], description="the runs of a matrix")
    notes: list[str] = Field(default=[], description="what is to be known of a matrix as a whole, in sentences")
    timings: dict[str, float] = Field(default={}, description="seconds by step of the whole run")
    error: Failure | None = None

    def to_json(self) -> str:
        """The document, indented, with a final newline."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"
