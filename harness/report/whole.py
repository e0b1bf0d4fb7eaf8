# SPDX-License-Identifier: Apache-2.0
"""Makes the report of a whole run from its parts."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from harness.benchmark import HANDLER_METRICS, HONEY
from harness.errors import BuildError, HarnessError, PairError
from harness.judge import Status
from harness.measure.statistics import geometric_mean
from harness.report import model
from harness.result import AgentError, Result


@dataclass(frozen=True, slots=True)
class Head:
    """What a report says of its run, whatever came of it; ``tools`` are versions of what it was done with."""

    commit: str
    target: str
    compiler: str
    seed: int
    tools: Mapping[str, str] = field(default_factory=dict)


def whole_report(
    head: Head,
    parts: Sequence[model.BenchmarkReport],
    *,
    result: Result | None = None,
    failure: model.Failure | None = None,
    vmlinux: str = "",
    timings: Mapping[str, float] | None = None,
) -> model.Report:
    """The report; what the agent says went wrong as a whole is its failure."""
    if failure is None and result is not None and result.error is not None:
        failure = agent_failure(result.error)
    holds = bool(parts) and all(part.ok for part in parts)
    status = Status.CANNOT_RUN if failure or not parts else Status.HOLDS if holds else Status.DIFFERS
    return model.Report(
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=head.commit,
        target=head.target,
        compiler=head.compiler,
        seed=head.seed,
        status=int(status),
        machine=_machine(result, vmlinux).model_copy(update={"tools": dict(head.tools)}),
        benchmarks=list(parts),
        means=_means(parts),
        timings=dict(timings or {}),
        error=failure,
    )


def _means(parts: Sequence[model.BenchmarkReport]) -> dict[str, float]:
    """Honey over C over all benchmarks, for the metrics that every benchmark with programs has.

    Where Honey takes nothing at all (no stack, say), the ratio is 0, and would make the mean 0 whatever the others are:
    it is left out, to Honey's disadvantage.
    """
    ratios = [part.ratios.get(HONEY, {}) for part in parts if part.programs]
    each = {metric: [one[metric].geomean if metric in one else None for one in ratios] for metric in HANDLER_METRICS}
    means = {metric: geometric_mean(one for one in found if one != 0) for metric, found in each.items()}
    return {metric: round(mean, 4) for metric, mean in means.items() if mean is not None}


def _machine(result: Result | None, vmlinux: str) -> model.Machine:
    kernel = result.kernel if result else None
    return model.Machine(
        kernel=kernel.release if kernel else "",
        kernel_version=kernel.version if kernel else "",
        cpus=kernel.cpus if kernel else None,
        agent=result.agent if result else {},
        host_python=platform.python_version(),
        host_kernel=os.uname().release,
        vmlinux=vmlinux,
    )


_STEPS = {BuildError: "build", PairError: "pair lint"}


def failure_of(error: HarnessError) -> model.Failure:
    """An error as the report shows it."""
    step = getattr(error, "step", "") or _STEPS.get(type(error), "run")
    message = error.message.removeprefix(f"{step}: ") + (f" (hint: {error.hint})" if error.hint else "")
    return model.Failure(step=step, message=message, log=error.details or None)


def agent_failure(error: AgentError) -> model.Failure:
    """What the agent said went wrong, as the report shows it."""
    return model.Failure(**error.model_dump())
