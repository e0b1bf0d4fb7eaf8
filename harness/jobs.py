# SPDX-License-Identifier: Apache-2.0
"""Does a job on a target: started, handed the job, run, fetched from, and given back whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from harness.build import BuiltPair
from harness.checkout import Checkout
from harness.plan import COST, EMPTY, Rounds, write_job
from harness.prepare import Prepared
from harness.progress import Progress
from harness.result import BenchmarkResult, Result, read_result
from harness.targets import Target, do_job

#: What a job may take besides its benchmarks' own limits: loading, and getting ready on a slow guest.
OVERHEAD_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: the pairs (perhaps still being compiled), in which phases, and where its files go."""

    name: str
    prepared: Future[Prepared]
    rounds: Rounds
    checkout: Checkout
    folder: Path
    seed: int
    cpu: int | None


@dataclass(frozen=True, slots=True)
class Came:
    """What came back from a target; ``timings`` are seconds by the target's steps."""

    result: Result
    folder: Path
    timings: dict[str, float]

    def of(self, name: str) -> BenchmarkResult | None:
        """What is known of one benchmark: its own part with the phases of its cost blocks, whose errors are its own."""
        blocks = [one for one in self.result.benchmarks if one.name.startswith(name + COST)]
        own = next((one for one in self.result.benchmarks if one.name == name), None)
        first = own or (blocks[0] if blocks else None)
        if first is None:
            return None
        error = next((one.error for one in (first, *blocks) if one.error is not None), None)
        phases = list(own.phases) if own else []
        for number, block in enumerate(blocks):
            phases += [phase.model_copy(update={"block": number}) for phase in block.phases]
        return first.model_copy(update={"name": name, "phases": tuple(phases), "error": error})

    def empty(self, name: str) -> BenchmarkResult | None:
        """What is known of a benchmark's empty program."""
        return next((one for one in self.result.benchmarks if one.name == name + EMPTY), None)


def do(
    job: Job, open_it: Callable[[], Target], progress: Progress, opened: Callable[[Target], None] = lambda _target: None
) -> Came:
    """Run ``job`` on the target that ``open_it`` gives; the target starts while the pairs are still being compiled.

    ``opened`` is told the target before it starts. Raises :class:`harness.errors.RunError` where the target is lost or
    leaves no result.
    """
    with progress.step(job.name, f"running on {job.name}"):
        progress.detail(job.name, f"{job.name}: finding the target")
        target = open_it()
        opened(target)
        progress.detail(job.name, f"{job.name}: starting {target.name}")
        with target:
            pairs = job.prepared.result().pairs
            write_job(job.folder / "job", pairs, job.checkout, seed=job.seed, cpu=job.cpu, rounds=job.rounds)
            do_job(
                target,
                job.folder / "job",
                job.folder / "out",
                time_limit_s=_limit(pairs, job.rounds),
                on_step=lambda step: progress.detail(job.name, f"{job.name}: {step}"),
            )
    timings = {f"{job.name}_{step}": seconds for step, seconds in target.timings.items()}
    return Came(read_result(job.folder / "out"), job.folder / "out", timings)


def _limit(pairs: Sequence[BuiltPair], rounds: Rounds) -> float:
    return OVERHEAD_S + sum(
        pair.benchmark.time_limit_s * rounds.phases(len(pair.sides) + len(pair.variants) * rounds.counting)
        for pair in pairs
    )


@dataclass
class Background:
    """A job done beside another, in a thread of its own, which lives as long as its target's processes."""

    job: Job
    open_it: Callable[[], Target]
    progress: Progress
    _targets: list[Target] = field(default_factory=list)
    _came: Future[Came] = field(default_factory=Future)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Background:
        self._thread = threading.Thread(target=self._work, name=self.job.name, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """On an error, take the target away from the thread until it gives up; else wait for it."""
        thread = self._thread
        while thread is not None and thread.is_alive():
            if kind is not None:
                for target in self._targets:
                    target.stop()
            thread.join(0.2)

    def result(self) -> Came:
        """What came back. Raises what the job raised."""
        return self._came.result()

    def _work(self) -> None:
        try:
            self._came.set_result(do(self.job, self.open_it, self.progress, self._targets.append))
        except BaseException as error:  # noqa: BLE001 (raised again where the result is asked for)
            self._came.set_exception(error)
