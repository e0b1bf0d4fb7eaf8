# SPDX-License-Identifier: Apache-2.0
"""What every way to a kernel offers: start, put, run, get, stop, each with a time limit and a clear failure."""

from __future__ import annotations

import abc
import errno
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.errors import RunError

#: Called with each line of the agent's progress, without its ``step ``.
OnStep = Callable[[str], None]

_TAIL_LINES = 20
_PANIC = re.compile(r"Kernel panic|\bBUG: |\bOops: ")


class TargetError(RunError):
    """A target that was lost or refused: ``step`` says when, ``console`` holds the last lines it said."""

    def __init__(self, step: str, message: str, *, console: str = "", hint: str = "") -> None:
        self.step = step
        self.console = tail(console)
        super().__init__(f"{step}: {message}", hint=hint, details=self.console)


class Target(abc.ABC):
    """A kernel to run a job on. Use it as a context manager: ``start`` on entry, ``stop`` on exit, always.

    ``timings`` holds seconds by step (``start``, ``put``, ``run``, ``get``, ``stop``, and what a target adds).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.timings: dict[str, float] = {}

    def __enter__(self) -> Target:
        try:
            with self.timed("start"), told_with_step("start"):
                self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.timed("stop"):
            self.stop()

    @abc.abstractmethod
    def start(self) -> None:
        """Bring the target up; :class:`TargetError` when that fails."""

    @abc.abstractmethod
    def put(self, job: Path) -> None:
        """Bring the job folder there."""

    @abc.abstractmethod
    def run(self, *, time_limit_s: float, on_step: OnStep) -> int:
        """Run the agent on the job; gives its exit status."""

    @abc.abstractmethod
    def get(self, out: Path) -> None:
        """Bring the results into the folder ``out``."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Give everything back; called at any time, also twice."""

    @abc.abstractmethod
    def about(self) -> dict[str, Any]:
        """What a report says of the target: its kind and what its figures depend on."""

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the block's seconds to ``timings[step]``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[step] = round(self.timings.get(step, 0.0) + time.perf_counter() - started, 4)


def do_job(
    target: Target, job: Path, out: Path, *, time_limit_s: float = 300.0, on_step: OnStep = lambda _line: None
) -> int:
    """Bring ``job`` to a started target, run it and fetch the results into ``out``; gives the agent's exit status."""
    with target.timed("put"), told_with_step("put"):
        target.put(job)
    with target.timed("run"), told_with_step("run"):
        status = target.run(time_limit_s=time_limit_s, on_step=on_step)
    with target.timed("get"), told_with_step("get"):
        target.get(out)
    if not (out / "result.json").is_file():
        raise TargetError("get", "the agent left no result.json behind")
    return status


@contextmanager
def told_with_step(step: str) -> Iterator[None]:
    """Turn what the operating system refuses (a full disk, no right to write) into a :class:`TargetError`."""
    try:
        yield
    except OSError as problem:
        where = f": {problem.filename}" if problem.filename else ""
        hint = "make room where the cache and the temporary files lie" if problem.errno == errno.ENOSPC else ""
        raise TargetError(step, f"{problem.strerror or problem}{where}", hint=hint) from problem


def tail(console: str, lines: int = _TAIL_LINES) -> str:
    """The last lines of what a console said, without its control sequences; after a kernel's panic, its first words."""
    plain = "".join(char for char in console if char == "\n" or char.isprintable() or char == "\t")
    said = [line for line in plain.splitlines() if line.strip()]
    panic = next((number for number, line in enumerate(said) if _PANIC.search(line)), None)
    return "\n".join(said[-lines:] if panic is None else said[panic : panic + lines])
