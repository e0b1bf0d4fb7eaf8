# SPDX-License-Identifier: Apache-2.0
"""A benchmark: what ``benchmarks/NAME.toml`` says about a pair of programs. Read once, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.label import check_label

#: The sides that every benchmark has; what is measured is ``honey``, what it is measured against is ``c``.
HONEY = "honey"
C = "c"

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]

#: Per-handler figures, as they are called in ``report.json``.
HandlerMetric = Literal[
    "object_insns",
    "xlated_insns",
    "jited_bytes",
    "stack_bytes",
    "verified_insns",
    "executed_insns_per_event",
    "guest_insns_per_event",
    "ns_per_event",
    "cpu_insns_per_event",
    "cpu_cycles_per_event",
    "cache_misses_per_event",
]
#: Per-side figures.
SideMetric = Literal["source_lines", "emitted_lines", "compile_s", "maps", "map_bytes"]

HANDLER_METRICS: tuple[HandlerMetric, ...] = get_args(HandlerMetric)
#: Those that differ from run to run: never held against a stored figure, and judged only by their intervals.
NOISY_METRICS: tuple[HandlerMetric, ...] = HANDLER_METRICS[HANDLER_METRICS.index("ns_per_event") :]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values are never changed after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Table):
    """Where a side comes from: a source to compile (``.ex``, ``.bpf.c``) or a finished object (``.bpf.o``)."""

    source: str | None = Field(default=None, examples=['source = "honey/ports/NAME.ex"'])
    object: str | None = Field(default=None, examples=['object = "some/program.bpf.o"'])
    title: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Source:
        if (self.source is None) == (self.object is None):
            raise ValueError('write either source = "FILE.ex or FILE.bpf.c" or object = "FILE.bpf.o"')
        return self

    @property
    def path(self) -> str:
        """The file, relative to the checkout."""
        return self.source or self.object or ""


class Sides(Table):
    """The two sides of the comparison."""

    honey: Source = Field(examples=['honey = { source = "honey/ports/NAME.ex" }'])
    c: Source = Field(examples=['c = { source = "reference_c/NAME/NAME.bpf.c" }'])


class WorkloadUse(Table):
    """The workload that drives the pair and its options; ``cost_options`` are laid over them for cost rounds.

    ``count_options`` are laid over those in a guest that counts instructions, which needs fewer events. Instructions
    counted there may grow by ``count_slack``, as a ratio: more where helpers print times or copy names of files.
    """

    name: Name = Field(examples=['name = "network"'])
    options: dict[str, Any] = {}
    cost_options: dict[str, Any] | None = None
    count_options: dict[str, Any] | None = None
    count_slack: float = Field(default=0.002, ge=0, le=0.05)


class Handler(Table):
    """A program of the pair. The keys give its name in a side where that is not the handler's own."""

    names: dict[str, str] = {}
    events: str | None = Field(
        default=None,
        description="the hook whose events it sees, as in the event list; default: from its section",
    )


class Timestamp(Table):
    """A monotonic time: non-zero, inside the run, and no further than ``tolerance_ns`` apart between the sides."""

    rule: Literal["timestamp"]
    tolerance_ns: int = Field(gt=0, examples=["tolerance_ns = 1_000_000"])


class Tolerance(Table):
    """A measured amount: the sides may differ by ``absolute``, or by ``relative`` of the larger value."""

    rule: Literal["tolerance"]
    relative: float = Field(default=0.0, ge=0.0)
    absolute: float = Field(default=0.0, ge=0.0)

    @model_validator(mode="after")
    def _some(self) -> Tolerance:
        if not self.relative and not self.absolute:
            raise ValueError("write relative = 0.05 or absolute = 1000 (or both; the wider one counts)")
        return self


class Ignored(Table):
    """A field that nothing can be said about."""

    rule: Literal["ignore"]
    reason: str = Field(min_length=3, examples=['reason = "why nothing can be said about it"'])


Volatile = Annotated[Timestamp | Tolerance | Ignored, Field(discriminator="rule")]


class Foreign(Table):
    """A total without a scope: it may exceed the oracle, over all entries, by exactly ``sum`` of the foreign entries.

    Foreign entries are those of the scoped map ``map`` that are not of the workload's own processes.
    """

    map: str = Field(examples=['map = "a_map_with_a_scope"'])
    sum: tuple[str, ...] = Field(min_length=1, examples=['sum = ["bytes"]'], strict=False)


class Initial(Table):
    """An entry that user space makes before the workload begins, with a number, or an actor's pid, as its value."""

    key: int = Field(ge=0, examples=["key = 0"])
    value: int | None = Field(default=None, ge=0)
    actor: str | None = Field(default=None, description="an actor of the workload: the value is its pid")

    @model_validator(mode="after")
    def _one_of_both(self) -> Initial:
        if (self.value is None) == (self.actor is None):
            raise ValueError('write either value = NUMBER or actor = "NAME"')
        return self


class MapRule(Table):
    """How a map is compared. A field is written ``name`` or, to be plain, ``key.name`` or ``value.name``."""

    compare: bool = True
    reason: str = ""
    scope: str | None = Field(
        default=None,
        description="the field that holds the pid an entry belongs to: a field of the key, `key` itself, `value.x`",
    )
    label: str | None = Field(
        default=None, description="how a key is shown: `pid {pid}, {protocol:ipproto}, {ip:ipv4}`"
    )
    own_only: bool = Field(
        default=False,
        description="only the workload's own entries are read, because those of others never stand still",
    )
    keys: tuple[Annotated[tuple[int, int], Field(strict=False)], ...] | None = Field(
        default=None,
        strict=False,
        description="only these keys are read, as [first, last], because others never stand still",
    )
    initial: tuple[Initial, ...] = Field(default=(), strict=False, description="entries that are there beforehand")
    volatile: dict[str, Volatile] = {}
    foreign: Foreign | None = None
    written_by: Literal["kernel", "user"] = "kernel"
    zero_is_absent: bool | None = Field(
        default=None,
        description="an all-zero value counts as no entry; default: for arrays, whose entries always exist",
    )

    @model_validator(mode="after")
    def _consistent(self) -> MapRule:
        if not self.compare and len(self.reason) < 3:
            raise ValueError('compare = false needs a reason: reason = "why it is not compared"')
        if self.foreign is not None and self.scope is not None:
            raise ValueError("scope and foreign exclude each other: a map with a scope is compared entry by entry")
        if self.own_only and self.scope is None:
            raise ValueError("own_only needs a scope, which says whose an entry is")
        if self.keys is not None and self.own_only:
            raise ValueError("own_only and keys exclude each other")
        if self.label is not None:
            check_label(self.label)
        return self


class StreamRule(Table):
    """How an event stream (``ring:MAP``, ``perf:MAP``, ``trace``) is compared, record by record.

    A record of ``trace`` has the fields ``pid`` and ``text``.
    """

    type: str | None = Field(default=None, description="the struct of a record in the object's type information")
    order: Literal["exact", "any"] = "exact"
    compare: bool = True
    reason: str = ""
    scope: str | None = None
    own_only: bool = Field(default=False, description="only records of the workload's own processes are kept")
    volatile: dict[str, Volatile] = {}

    @model_validator(mode="after")
    def _reasoned(self) -> StreamRule:
        if self.own_only and self.scope is None:
            raise ValueError("own_only needs a scope, which says whose a record is")
        if not self.compare and len(self.reason) < 3:
            raise ValueError('compare = false needs a reason: reason = "why it is not compared"')
        return self


class Difference(Table):
    """A difference in shape between the sides that is wanted; the pair lint lets it pass."""

    what: str = Field(min_length=3, examples=['what = "maps.counts.max_entries"'])
    reason: str = Field(min_length=3, examples=['reason = "why the pair is fair all the same"'])


class Budget(Table):
    """A limit on a figure of ``side``, or on its ratio to the figure of ``against``."""

    metric: Literal[HandlerMetric, SideMetric] = Field(examples=['metric = "xlated_insns"'])
    side: Name = HONEY
    against: Name = C
    handler: str | None = Field(default=None, description="only this handler; default: all")
    geomean: float | None = Field(default=None, gt=0, description="geometric mean over the handlers, at most")
    worst: float | None = Field(default=None, gt=0, description="each handler, at most")
    worst_below: float | None = Field(default=None, gt=0, description="each handler, strictly below")
    ratio: float | None = Field(default=None, gt=0, description="of figures a side has one of, at most")
    at_most: float | None = Field(default=None, ge=0, description="the figure itself, each handler")
    kernels: tuple[str, ...] = Field(
        default=(), strict=False, description="only on these, by the first numbers of their release; default: all"
    )

    def applies_on(self, release: str) -> bool:
        """Whether this limit is one for the kernel called ``release``: ``6.1`` is for 6.1.0-56-amd64, not for 6.12."""
        return not self.kernels or any(f"{release}.".startswith((f"{one}.", f"{one}-")) for one in self.kernels)

    @model_validator(mode="after")
    def _some_limit(self) -> Budget:
        per_handler = self.metric in HANDLER_METRICS
        ratios = [self.geomean, self.worst, self.worst_below]
        if all(limit is None for limit in (*ratios, self.ratio, self.at_most)):
            raise ValueError("names no limit: write geomean, worst, worst_below, ratio or at_most = NUMBER")
        if per_handler and self.ratio is not None:
            raise ValueError(f"{self.metric} is had per handler: write geomean, worst or worst_below")
        if not per_handler and any(limit is not None for limit in ratios):
            raise ValueError(f"a side has one {self.metric}: write ratio or at_most")
        return self


class Benchmark(Table):
    """A pair of programs, what drives them, and what must hold."""

    schema_: Literal[1] = Field(alias="schema", examples=["schema = 1"])
    name: Name = Field(examples=['name = "NAME"'])
    title: str = ""
    about: str = ""
    sides: Sides
    contenders: dict[Name, Source] = {}
    workload: WorkloadUse
    oracle: Name | None = None
    truth: str | None = Field(
        default=None,
        description="the map, with the pid as its scope, whose fields are shown beside what really moved",
    )
    handlers: dict[str, Handler] = {}
    maps: dict[str, MapRule] = {}
    streams: dict[str, StreamRule] = {}
    differences: tuple[Difference, ...] = Field(default=(), strict=False)
    budgets: tuple[Budget, ...] = Field(default=(), strict=False)
    time_limit_s: int = Field(default=120, gt=0)
    requires: tuple[str, ...] = Field(
        default=(), strict=False, description="what the kernel must have, in feature names"
    )

    @property
    def sources(self) -> Mapping[str, Source]:
        """All sides by name: ``honey``, ``c``, then the contenders."""
        return {HONEY: self.sides.honey, C: self.sides.c, **self.contenders}

    @model_validator(mode="after")
    def _references(self) -> Benchmark:
        for taken in {HONEY, C} & set(self.contenders):
            raise ValueError(f"contenders.{taken}: the name is taken by a side")
        for name, rule in self.maps.items():
            other = rule.foreign.map if rule.foreign else None
            if other is not None and (other not in self.maps or self.maps[other].scope is None):
                raise ValueError(f"maps.{name}.foreign.map: {other!r} must be a map with a scope under [maps.{other}]")
        if self.truth is not None and (self.truth not in self.maps or self.maps[self.truth].scope is None):
            raise ValueError(f"truth: {self.truth!r} must be a map with a scope under [maps.{self.truth}]")
        for number, budget in enumerate(self.budgets):
            for key, side in (("side", budget.side), ("against", budget.against)):
                if side not in self.sources:
                    known = ", ".join(self.sources)
                    raise ValueError(f"budgets[{number}].{key}: no side is called {side!r}; there are {known}")
        return self
