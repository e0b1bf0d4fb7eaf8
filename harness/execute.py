# SPDX-License-Identifier: Apache-2.0
"""Runs prepared pairs on a target, and beside it on a guest that counts instructions."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness.benchmark import NOISY_METRICS
from harness.cancellation import Cancellation
from harness.checkout import Checkout
from harness.errors import HarnessError
from harness.evaluate import Runs
from harness.jobs import Background, Came, Job, do
from harness.measure.gather import KERNEL_METRICS
from harness.plan import SHADOW, Rounds
from harness.prepare import Prepared
from harness.progress import Progress
from harness.simulate import simulate
from harness.targets import TARGETS, Target, check_address, open_target

#: The target that is none: the objects are simulated.
SIM = "sim"
#: The target beside which instructions can be counted.
VM = "vm"
#: The target that is this machine itself.
LOCAL = "local"
#: What ``--target`` takes.
KNOWN_TARGETS = {**TARGETS, SIM: "no kernel at all: the objects are simulated, on any operating system"}
#: What the second guest is called in progress and timings.
COUNTING = "vm-counting"

#: Rounds in the counting guest, of which the lowest counts. An interrupt falls into about one round of seven: into all
#: five of a figure once in ten thousand figures. More would keep a second processor busy for longer, which other cells
#: of a matrix want.
COUNT_BLOCKS = 5

_GUEST_INSNS = "guest_insns_per_event"


def check_target(target: str) -> None:
    """Raises :class:`HarnessError` where there is no such target; ``ssh:HOST`` is one of the kind ``ssh``."""
    if target.partition(":")[0] in KNOWN_TARGETS:
        check_address(target)
        return
    close = difflib.get_close_matches(target, KNOWN_TARGETS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(KNOWN_TARGETS)}"
    raise HarnessError(f"there is no target {target!r}", hint=hint)


@dataclass(frozen=True, slots=True)
class Where:
    """The target and what is done there. ``guest_insns`` asks for the second guest, where there can be one,
    ``counters`` for the CPU's hardware counters, where it has any.

    ``kernel`` is a name or an image's path, ``modules`` the folder with that image's modules, both for the target vm.
    ``cpu`` is where the traffic runs; without one, on the first that may be used.
    """

    target: str
    kernel: str | None = None
    modules: str | None = None
    mode: str = SHADOW
    seed: int = 1
    cpu: int | None = None
    cost_blocks: int = 1
    guest_insns: bool = True
    counters: bool = True

    @property
    def kind(self) -> str:
        """The target without what follows its colon, which may name a machine: what reports show."""
        return self.target.partition(":")[0]

    def check(self) -> None:
        """Raises :class:`HarnessError` for what no machine can run: no such target, or not with that kernel or CPU."""
        check_target(self.target)
        if self.kernel and self.kind != VM:
            raise HarnessError(
                f"the target {self.kind} takes no kernel", hint="--kernel and kernels=... are for the target vm"
            )
        if self.modules and not self.kernel:
            raise HarnessError("--modules needs --kernel", hint="give the image that the modules belong to")
        if self.cpu and self.kind in {VM, SIM}:
            raise HarnessError(f"the target {self.kind} has no CPU {self.cpu}: it has one, 0")

    def check_here(self) -> None:
        """As :meth:`check`, and for what this machine does not have: an image or a kernel of that name, that CPU.

        What only the target can tell (the CPUs of a machine over ssh) is told by a run.
        """
        self.check()
        if self.kernel:
            from harness.kernels import check_kernel

            check_kernel(self.kernel, Path(self.modules) if self.modules else None)
        if self.kind == LOCAL and self.cpu is not None and self.cpu not in (usable := os.sched_getaffinity(0)):
            there = ", ".join(map(str, sorted(usable)))
            raise HarnessError(f"this machine has no CPU {self.cpu} that may be used", hint=f"choose one of {there}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back from the target and from the counting guest; ``reasons`` say what was not had."""

    came: Came
    counted: Came | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by step of all targets."""
        return {**self.came.timings, **(self.counted.timings if self.counted else {})}

    def of(self, name: str) -> Runs:
        """What is known of one benchmark."""
        return Runs(
            folder=self.came.folder,
            result=self.came.of(name),
            counted=self.counted.of(name) if self.counted else None,
            empty=self.came.empty(name),
            counted_empty=self.counted.empty(name) if self.counted else None,
            reasons=self.reasons,
        )


def execute(
    where: Where,
    preparing: Future[Prepared],
    cancellation: Cancellation,
    *,
    checkout: Checkout,
    folder: Path,
    progress: Progress,
) -> Outcome:
    """Run what is being prepared, which is cancelled when that fails.

    Raises :class:`HarnessError` where the target is lost or leaves no result.
    """
    if where.target == SIM:
        with cancellation:
            came = simulate(preparing.result().pairs, folder / "out", where.seed, progress)
        missing = (*KERNEL_METRICS, _GUEST_INSNS, *NOISY_METRICS)
        return Outcome(came, None, dict.fromkeys(missing, "there is no kernel in a simulation"))

    def job(name: str, rounds: Rounds, place: Path) -> Job:
        return Job(name, preparing, rounds, checkout, place, where.seed, where.cpu)

    rounds = Rounds(where.mode, where.cost_blocks, counters=where.counters)
    counting = job(
        COUNTING, Rounds(parity="", cost_blocks=COUNT_BLOCKS, mirrored=False, counting=True), folder / "counting"
    )
    # Cancelled first: the guest beside waits for what is prepared as well.
    with _beside(where, counting, progress, cancellation) as beside, cancellation:
        came = do(job(where.kind, rounds, folder), partial(_open, where, progress, cancellation), progress)
        counted, reasons = _counted(beside)
    return Outcome(came, counted, reasons)


def _open(where: Where, progress: Progress, cancellation: Cancellation, *, icount: bool = False) -> Target:
    name = COUNTING if icount else where.kind

    def say(line: str) -> None:
        # Told before a kernel is fetched: not for a guest beside a run that was interrupted meanwhile.
        cancellation.check()
        progress.detail(name, f"{name}: {line}")

    return open_target(
        where.target,
        kernel=where.kernel,
        modules=Path(where.modules) if where.modules else None,
        icount=icount,
        say=say,
    )


def _beside(
    where: Where, job: Job, progress: Progress, cancellation: Cancellation
) -> AbstractContextManager[Background | None]:
    """A second guest, in which time is a count of instructions; nothing where there cannot be one."""
    if where.target != VM or not where.guest_insns:
        return nullcontext()
    return Background(job, partial(_open, where, progress, cancellation, icount=True), progress)


def _counted(beside: Background | None) -> tuple[Came | None, dict[str, str]]:
    """What came of counting, or why nothing did: that is no reason for a run to fail."""
    if beside is None:
        return None, {_GUEST_INSNS: f"instructions of a guest are counted with --target {VM} only"}
    try:
        return beside.result(), {}
    except HarnessError as error:
        return None, {_GUEST_INSNS: f"the counting guest did not come to a result: {error.message}"}
