# SPDX-License-Identifier: Apache-2.0
"""From what came back of a benchmark to its part of the report: compare, measure, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.ablation import Ablation, ablate_counted, ablate_executed
from harness.benchmark import Benchmark, C
from harness.build import BuiltPair
from harness.compare.align import align
from harness.compare.evidence import Evidence
from harness.compare.run import Comparison, compare
from harness.compare.truth import Truth, ground_truth
from harness.errors import HarnessError, RunError
from harness.handlers import handlers
from harness.judge import judge, judge_budgets
from harness.measure.attribution import Attribution, attribute
from harness.measure.figures import FigureTable
from harness.measure.gather import Measured, gather
from harness.objects import BpfObject, ObjectError, read_object
from harness.plan import SHADOW, SOLO
from harness.report import assemble, model, ratios
from harness.report.whole import agent_failure
from harness.result import AgentError, BenchmarkResult, Phase
from harness.simulate import Executed, count_executed
from harness.variants import Variants
from workloads.base import WorkloadError
from workloads.events import read_events
from workloads.oracles import get as get_oracle


@dataclass(frozen=True, slots=True)
class Runs:
    """What is known of one benchmark's runs. ``folder`` holds the files that ``result`` names.

    ``counted`` is a run under instruction counting; ``empty`` and ``counted_empty`` are of the empty program;
    ``reasons`` say why a figure was not had.
    """

    folder: Path
    result: BenchmarkResult | None = None
    counted: BenchmarkResult | None = None
    empty: BenchmarkResult | None = None
    counted_empty: BenchmarkResult | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says of every benchmark alike; ``root`` is where source names start from."""

    kernel: str
    target: str
    seed: int
    commit: str
    mode: str
    root: Path


def evaluate(
    pair: BuiltPair, runs: Runs, facts: Facts, timings: Mapping[str, float], variants: Variants | None = None
) -> model.BenchmarkReport:
    """The benchmark's part of the report; whatever is wrong with it is in there."""
    benchmark = pair.benchmark
    comparison: Comparison | None = None
    truth: list[Truth] = []
    failure = _agent_failure(runs.result)
    objects: dict[str, BpfObject] = {}
    try:
        objects = {name: read_object(side.object) for name, side in pair.sides.items()}
        if failure is None:
            evidence = _evidence(benchmark, objects, runs)
            comparison = compare(evidence)
            truth = ground_truth(evidence)
    except (HarnessError, ObjectError, WorkloadError) as error:
        failure = model.Failure(step="compare", message=str(error))
    costs = _costs(pair, objects, runs, facts.seed, variants) if objects else _Costs()
    sides = assemble.sides(pair, objects) if objects else {}
    differing = comparison.contenders if comparison else {}
    figures = assemble.side_figures(sides)
    outcomes = judge_budgets(benchmark, costs.figures, figures, differing, kernel=facts.kernel)
    parity = assemble.parity(comparison) if comparison else model.Parity(equal=False, oracle_equal=None, events=0)
    verdict = judge(
        equal=parity.equal,
        oracle_equal=parity.oracle_equal,
        events=parity.events,
        budgets=outcomes,
        error=f"{failure.step}: {failure.message}" if failure else "",
    )
    return model.BenchmarkReport(
        name=benchmark.name,
        title=benchmark.title,
        kernel=facts.kernel,
        target=facts.target,
        compiler=pair.compiler.version,
        seed=facts.seed,
        commit=facts.commit,
        mode=facts.mode,
        ok=verdict.ok,
        reasons=list(verdict.reasons),
        parity=parity,
        truth=assemble.truth(truth),
        differences=assemble.differences(comparison.differences) if comparison else [],
        programs=assemble.programs(costs.figures),
        ratios=ratios.ratios(costs.figures, list(pair.sides)),
        over=ratios.over(costs.figures, list(benchmark.contenders)),
        sides=sides,
        budgets=assemble.budgets(outcomes),
        count_slack=benchmark.workload.count_slack,
        timings=dict(timings),
        attribution={
            side: assemble.attribution(one, pair.sides[side], facts.root) for side, one in costs.attributed.items()
        },
        causes=assemble.causes(costs.attributed),
        ablation=assemble.ablation(variants, costs.ablations) if variants else None,
        error=failure,
    )


def refused(benchmark: Benchmark, failure: model.Failure, facts: Facts) -> model.BenchmarkReport:
    """The part of the report for a benchmark that was not run."""
    return model.BenchmarkReport(
        name=benchmark.name,
        title=benchmark.title,
        kernel=facts.kernel,
        target=facts.target,
        compiler="",
        seed=facts.seed,
        commit=facts.commit,
        mode=facts.mode,
        ok=False,
        reasons=[f"{failure.step}: {failure.message}"],
        parity=model.Parity(equal=False, oracle_equal=None, events=0),
        error=failure,
    )


@dataclass(frozen=True, slots=True)
class _Costs:
    """What events cost: the figures, by side where they come from, and what passes save."""

    figures: FigureTable = field(default_factory=dict)
    attributed: Mapping[str, Attribution] = field(default_factory=dict)
    ablations: Sequence[Ablation] = ()


def _costs(
    pair: BuiltPair, objects: Mapping[str, BpfObject], runs: Runs, seed: int, variants: Variants | None
) -> _Costs:
    names = handlers(pair.benchmark, objects)
    executed, reasons = _executed(pair.benchmark, objects, seed)
    measured = Measured(
        runs.result, runs.counted, runs.empty, runs.counted_empty, executed, {**runs.reasons, **reasons}
    )
    return _Costs(
        figures=gather(objects, names, measured),
        attributed={side: attribute(obj, side, names, executed.get(side, {})) for side, obj in objects.items()},
        ablations=_ablations(pair, variants, names, runs, seed) if variants is not None else (),
    )


def _executed(benchmark: Benchmark, objects: Mapping[str, BpfObject], seed: int) -> tuple[Executed, dict[str, str]]:
    """What the simulator counts, or why it does not."""
    try:
        return count_executed(benchmark, objects, seed), {}
    except RunError as error:
        return {}, {"executed_insns_per_event": error.message}


def _ablations(
    pair: BuiltPair, variants: Variants, names: Mapping[str, Mapping[str, str]], runs: Runs, seed: int
) -> list[Ablation]:
    """What passes save, in what can be counted."""
    counted = ablate_counted(variants, runs.counted, runs.counted_empty, names)
    try:
        executed = ablate_executed(pair, variants, names, seed)
    except RunError:  # said of the figure itself already
        executed = None
    return [one for one in (executed, counted) if one is not None]


def _evidence(benchmark: Benchmark, objects: Mapping[str, BpfObject], runs: Runs) -> Evidence:
    """What the sides saw together, or each by itself, made comparable."""
    oracle = get_oracle(benchmark.oracle) if benchmark.oracle else None

    def of(phase: Phase) -> Evidence:
        events = list(read_events(runs.folder / phase.events)) if phase.events else []
        return Evidence(benchmark, objects, phase, runs.folder, events, oracle)

    phases = runs.result.phases if runs.result else ()
    rewritten = runs.folder / benchmark.name / "aligned"
    together = next((phase for phase in phases if phase.kind == SHADOW), None)
    if together is not None:
        _check(benchmark, together)
        evidence = of(together)
        return evidence if together.stable else align(dict.fromkeys(objects, evidence), rewritten, same_run=True)
    alone = {str(phase.side): phase for phase in phases if phase.kind == SOLO and phase.side and phase.maps}
    if alone.keys() != objects.keys():
        raise RunError("the target did not report the phase that all sides are compared on")
    for phase in alone.values():
        _check(benchmark, phase)
    return align({side: of(phase) for side, phase in alone.items()}, rewritten)


def _check(benchmark: Benchmark, phase: Phase) -> None:
    """What other processes go on to do while maps are read matters only where their entries cannot be told apart."""
    told = {
        name
        for name, rule in benchmark.maps.items()
        if rule.scope or rule.foreign or not rule.compare or rule.written_by == "user"
    }
    others = [name for name, file in phase.maps.get(C, {}).items() if file.file and name not in told and name[0] != "."]
    if not phase.stable and others:
        raise RunError(
            f"the maps did not stand still for long enough to be read at one moment ({', '.join(others)})",
            hint="the machine's other processes cause too many events; try --target vm",
        )


def _agent_failure(result: BenchmarkResult | None) -> model.Failure | None:
    """What the agent said went wrong, in the benchmark or in one of its phases."""
    if result is None:
        return model.Failure(step="run", message="the target reported nothing about this benchmark")
    errors: list[AgentError | None] = [result.error, *(phase.error for phase in result.phases)]
    error = next((one for one in errors if one is not None), None)
    return None if error is None else agent_failure(error)
