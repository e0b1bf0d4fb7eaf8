# SPDX-License-Identifier: Apache-2.0
"""Work on several sources at once, in processes that share what this one has loaded."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from honey.signals import ENDING, undisturbed

T = TypeVar("T")
R = TypeVar("R")


class WorkerLost(Exception):
    """A process ended without a result: something has killed it."""


def in_parallel(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """``work`` of each item, in order. Results and exceptions must be fit for `pickle`.

    The exception of the first item that has one is raised once all are done. If this process is interrupted, the
    others are sent SIGTERM and waited for.
    """
    count = min(len(items), len(os.sched_getaffinity(0)))
    if count < 2:
        return [work(item) for item in items]
    sys.stdout.flush()  # or each process would write what is waiting there
    sys.stderr.flush()
    workers: list[tuple[int, int]] = []
    try:
        for number in range(count):
            with undisturbed():
                workers.append(_start(work, items[number::count]))
        shares = [_results(output) for _, output in workers]
    except BaseException:
        for process, _ in workers:
            os.kill(process, signal.SIGTERM)
        raise
    finally:
        for process, output in workers:
            os.close(output)
            os.waitpid(process, 0)
    done = [shares[index % count][index // count] for index in range(len(items))]
    for _, problem in done:
        if problem is not None:
            raise problem
    return [result for result, _ in done]


def _start(work: Callable[[T], R], items: Sequence[T]) -> tuple[int, int]:
    """A process that works on ``items``: its id, and where its results can be read."""
    output, input = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(output)
        _work(work, items, input)
    os.close(input)
    return process, output


def _work(work: Callable[[T], R], items: Sequence[T], output: int) -> NoReturn:
    """All that a worker does; SIGTERM ends it without a word.

    Ctrl-C reaches all processes of a terminal. A worker leaves it to the one that started it, whose SIGTERM would
    otherwise be a second signal in the midst of tidying up after the first.
    """
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        done = [_outcome(work, item) for item in items]
        with open(output, "wb") as file:
            pickle.dump(done, file)
        sys.stderr.flush()
        status = 0
    finally:
        os._exit(status)


def _outcome(work: Callable[[T], R], item: T) -> tuple[R | None, Exception | None]:
    try:
        return work(item), None
    except Exception as problem:  # noqa: BLE001 -- whatever it is, it is raised where the work was asked for
        return None, problem


def _results(output: int) -> list[tuple[Any, Exception | None]]:
    with open(output, "rb", closefd=False) as file:
        try:
            done: list[tuple[Any, Exception | None]] = pickle.load(file)
        except EOFError:
            raise WorkerLost("a process that compiled a source was killed") from None
    return done
