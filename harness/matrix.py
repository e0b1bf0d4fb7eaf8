# SPDX-License-Identifier: Apache-2.0
"""Many runs as one: every combination of kernels and compilers, a few at a time, in processes of their own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.execute import Where, check_target
from harness.judge import Status
from harness.progress import Progress
from harness.report import model
from harness.report.model import BenchmarkReport, Failure, Report
from harness.report.store import load_report
from harness.targets.process import dying_with_us

#: What a matrix can vary, and the option of a run that it sets.
AXES: Mapping[str, str] = {"kernels": "--kernel", "compilers": "--compiler", "seeds": "--seed", "targets": "--target"}
#: What a guest with its QEMU takes. A cell runs one, and beside it perhaps one that counts.
_GUEST_MB = 1300


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination: the value on each axis."""

    values: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """``6.1 clang-16``; a kernel given as a path goes by its file's name."""
        return " ".join(value.rpartition("/")[2] for _, value in self.values)

    def where(self, base: Where) -> Where:
        """Where its run goes: as ``base``, but for what the matrix varies."""
        values = dict(self.values)
        return replace(base, target=values.get("targets", base.target), kernel=values.get("kernels", base.kernel))

    @property
    def folder(self) -> str:
        """A name for its files, which no other cell has."""
        return "-".join(value.replace("/", "_") for _, value in self.values)

    @property
    def options(self) -> list[str]:
        """The options of the run."""
        return [part for axis, value in self.values for part in (AXES[axis], value)]


def cells(axes: Sequence[str], shard: str = "") -> list[Cell]:
    """The cells of ``axes`` such as ``kernels=5.10,6.1``; of ``shard`` ``2/5`` every fifth from the second on.

    Raises :class:`HarnessError` for an axis that there is not.
    """
    values: dict[str, list[str]] = {}
    for axis in axes:
        name, _, listed = axis.partition("=")
        chosen = list(dict.fromkeys(value for value in listed.split(",") if value))
        if name not in AXES or not chosen:
            raise HarnessError(
                f"{axis!r} is no axis of a matrix", hint=f"write {', '.join(AXES)}, as in kernels=5.10,6.1"
            )
        if name in values:
            raise HarnessError(f"the axis {name} is given twice", hint=f"write {name}={','.join(values[name])},...")
        for value in chosen:
            _check(name, value)
        values[name] = chosen
    found = [Cell(tuple(zip(values, combination, strict=True))) for combination in itertools.product(*values.values())]
    if not shard:
        return found
    number, _, of = shard.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise HarnessError(f"{shard!r} is no shard", hint="write 2/5 for the second of five")
    return found[int(number) - 1 :: int(of)]


def _check(axis: str, value: str) -> None:
    """Raises :class:`HarnessError` for what no run would take; what is only missing here is for its cell to say."""
    if axis == "targets":
        check_target(value)
    if axis == "seeds" and not value.removeprefix("-").isdecimal():
        raise HarnessError(f"{value!r} is no seed", hint="write whole numbers, as in seeds=1,2,3")


@dataclass
class _Children:
    """The processes under way; ended together when one of us is interrupted."""

    running: set[subprocess.Popen[str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: bool = False

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        with self.lock:
            if self.stopping:
                raise HarnessError("the run was interrupted")
            process = subprocess.Popen(
                dying_with_us(command, "TERM"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            self.running.add(process)
            return process

    def ended(self, process: subprocess.Popen[str]) -> None:
        with self.lock:
            self.running.discard(process)

    def stop(self) -> None:
        with self.lock:
            self.stopping = True
            for process in self.running:
                process.terminate()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Runs to do: ``harness run`` with ``arguments`` for each of ``cells``, reports below ``folder``.

    ``guests`` is how many virtual machines a cell runs at once.
    """

    cells: Sequence[Cell]
    arguments: Sequence[str]
    folder: Path
    progress: Progress
    guests: int = 2

    def run(self) -> list[Ran]:
        """Do them, as many at once as the machine has room for; gives what came of them, in order."""
        children = _Children()
        with ThreadPoolExecutor(max_workers=at_once(self.guests)) as pool:
            try:
                tasks = [pool.submit(self._run, cell, children) for cell in self.cells]
                return [task.result() for task in tasks]
            except BaseException:
                children.stop()
                pool.shutdown(cancel_futures=True)
                raise

    def _run(self, cell: Cell, children: _Children) -> Ran:
        reports = self.folder / cell.folder
        options = [*self.arguments, *cell.options, "--reports", str(reports), "-q"]
        with self.progress.step(cell.name, f"running {cell.name}"):
            process = children.start([sys.executable, "-m", "harness.cli", "run", *options])
            try:
                _, said = process.communicate()
            finally:
                children.ended(process)
        try:
            report = load_report(reports / "latest")
        except HarnessError:
            lines = said.strip().splitlines()
            words = lines[0].removeprefix("harness: ") if lines else f"it ended with status {process.returncode}"
            return Ran(cell, None, Failure(step="run", message=words, log=said or None))
        return Ran(cell, report, report.error)


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a cell: its report, where there is one, and what kept it from coming to a result."""

    cell: Cell
    report: Report | None
    failure: Failure | None

    @property
    def status(self) -> int:
        """The exit status of its run."""
        return self.report.status if self.report is not None else int(Status.CANNOT_RUN)


def at_once(guests: int) -> int:
    """How many cells of so many guests the processors and the memory that is free have room for.

    Two on two processors in any case: a cell's guests are not busy all the time, nor is what compiles and compares.
    """
    cpus = len(os.sched_getaffinity(0))
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free_mb = next((int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable:")), 0)
    return max(1, min(max(cpus // guests, min(cpus, 2)), free_mb // (guests * _GUEST_MB)))


@dataclass(frozen=True, slots=True)
class Joined:
    """The parts of all cells, which part belongs to which cell, and what went wrong with cells as a whole."""

    parts: list[BenchmarkReport]
    cells: list[model.Cell]
    failure: Failure | None


def joined(found: Sequence[Ran]) -> Joined:
    """All cells as one; a cell that could not run does not keep the others from being reported."""
    parts: list[BenchmarkReport] = []
    cells_: list[model.Cell] = []
    for ran in found:
        own = ran.report.benchmarks if ran.report is not None else []
        name = ran.cell.name
        cells_.append(model.Cell(name=name, status=ran.status, first=len(parts), count=len(own), error=ran.failure))
        parts += own
    lost = [ran for ran in found if ran.failure is not None]
    if not lost:
        return Joined(parts, cells_, None)
    words = "; ".join(f"{ran.cell.name}: {ran.failure.message}" for ran in lost if ran.failure is not None)
    failure = Failure(step="matrix", message=f"{len(lost)} of {len(found)} cells could not run: {words}")
    return Joined(parts, cells_, failure)
