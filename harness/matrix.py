# SPDX-License-Identifier: Apache-2.0
"""Many runs as one: every combination of kernels and compilers, a few at a time, in processes of their own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import HarnessError
from harness.progress import Progress
from harness.report.model import BenchmarkReport, Failure, Report
from harness.report.store import load_report

#: What a matrix can vary, and the option of a run that it sets.
AXES: Mapping[str, str] = {"kernels": "--kernel", "compilers": "--compiler", "seeds": "--seed", "targets": "--target"}
#: A cell runs a guest and, beside it, one that counts.
CPUS_A_CELL = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination: the value on each axis."""

    values: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """``6.1 clang-16``."""
        return " ".join(value for _, value in self.values)

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
        chosen = [value for value in listed.split(",") if value]
        if name not in AXES or not chosen:
            raise HarnessError(
                f"{axis!r} is no axis of a matrix", hint=f"write {', '.join(AXES)}, as in kernels=5.10,6.1"
            )
        values[name] = chosen
    found = [Cell(tuple(zip(values, combination, strict=True))) for combination in itertools.product(*values.values())]
    if not shard:
        return found
    number, _, of = shard.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise HarnessError(f"{shard!r} is no shard", hint="write 2/5 for the second of five")
    return found[int(number) - 1 :: int(of)]


@dataclass
class _Children:
    """The processes under way; ended together when one of us is interrupted."""

    running: set[subprocess.Popen[str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: bool = False

    def start(self, command: Sequence[str], cwd: Path) -> subprocess.Popen[str]:
        with self.lock:
            if self.stopping:
                raise HarnessError("the run was interrupted")
            process = subprocess.Popen(
                command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
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


@contextmanager
def _children() -> Iterator[_Children]:
    children = _Children()
    try:
        yield children
    except BaseException:
        children.stop()
        raise


@dataclass(frozen=True, slots=True)
class Matrix:
    """Runs to do: ``harness run`` with ``arguments`` for each of ``cells``, reports below ``folder``."""

    cells: Sequence[Cell]
    arguments: Sequence[str]
    folder: Path
    root: Path
    progress: Progress

    def run(self) -> list[Report]:
        """Do them, as many at once as the machine has room for; gives the reports in order."""
        at_once = max(1, (os.cpu_count() or 1) // CPUS_A_CELL)
        with _children() as children, ThreadPoolExecutor(max_workers=at_once) as pool:
            tasks = [pool.submit(self._run, cell, children) for cell in self.cells]
            try:
                return [task.result() for task in tasks]
            except BaseException:
                children.stop()
                pool.shutdown(cancel_futures=True)
                raise

    def _run(self, cell: Cell, children: _Children) -> Report:
        reports = self.folder / cell.name.replace("/", "_").replace(" ", "-")
        options = [*self.arguments, *cell.options, "--reports", str(reports), "-q"]
        with self.progress.step(cell.name, f"running {cell.name}"):
            process = children.start([sys.executable, "-m", "harness.cli", "run", *options], self.root)
            try:
                _, said = process.communicate()
            finally:
                children.ended(process)
        try:
            return load_report(reports / "latest")
        except HarnessError as error:
            raise HarnessError(f"{cell.name}: the run ended with status {process.returncode}", details=said) from error


def joined(reports: Sequence[Report], chosen: Sequence[Cell]) -> tuple[list[BenchmarkReport], Failure | None]:
    """The parts of all reports, and the first failure: a cell that could not run is named."""
    parts = [part for report in reports for part in report.benchmarks]
    for report, cell in zip(reports, chosen, strict=True):
        if report.error is not None:
            message = f"{cell.name}: {report.error.message}"
            return parts, report.error.model_copy(update={"message": message})
    return parts, None
