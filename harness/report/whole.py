# SPDX-License-Identifier: Apache-2.0
"""Makes the report of a whole run from its parts."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from harness.errors import BuildError, HarnessError, PairError
from harness.judge import Status
from harness.report import model
from harness.result import AgentError, Result


@dataclass(frozen=True, slots=True)
class Head:
    """What a report says of its run, whatever came of it."""

    commit: str
    target: str
    compiler: str
    seed: int


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
        machine=_machine(result, vmlinux),
        benchmarks=list(parts),
        timings=dict(timings or {}),
        error=failure,
    )


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
