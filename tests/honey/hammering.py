# SPDX-License-Identifier: Apache-2.0
"""Programs on all CPUs of this machine's kernel at once, by BPF_PROG_TEST_RUN in a thread on each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from harness.agent import bpf
from harness.agent.load import LoadedSide

#: At least as many threads as this hammer, also where there are fewer CPUs: they are preempted in the middle, then.
LEAST_THREADS = 2


def cpus() -> list[int]:
    """The CPUs to work on, one for each thread."""
    there = sorted(os.sched_getaffinity(0))
    return [there[number % len(there)] for number in range(max(LEAST_THREADS, len(there)))]


def at_once(work: Sequence[Callable[[], None]]) -> None:
    """Do all of ``work`` at the same time, each in a thread of its own on a CPU of its own."""
    start = threading.Barrier(len(work))
    problems: list[BaseException] = []

    def thread(one: Callable[[], None], cpu: int) -> None:
        try:
            os.sched_setaffinity(0, {cpu})  # of this thread alone
            start.wait(10)
            one()
        except BaseException as problem:  # noqa: BLE001 (raised again below)
            problems.append(problem)

    places = cpus()
    threads = [
        threading.Thread(target=thread, args=(one, places[number % len(places)])) for number, one in enumerate(work)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if problems:
        raise problems[0]


def packet(number: int) -> bytes:
    """A frame whose first four bytes are ``number``."""
    return number.to_bytes(4, "little") + bytes(60)


def runner(side: LoadedSide, program: str, number: int, times: int) -> Callable[[], None]:
    """``times`` runs of a program on a frame with ``number``; the kernel repeats them without coming back."""
    fd = side.programs[program].fd()
    return lambda: _check(bpf.run_packet(fd, packet(number), repeat=times).retval)


def _check(value: int) -> None:
    assert value == 2, f"the program left early, with {value}"


def numbers(side: LoadedSide, name: str, key: int) -> list[int] | None:
    """The 64-bit numbers of an entry; nothing where it is missing."""
    a_map = side.maps[name]
    value = bpf.lookup(a_map.fd, key.to_bytes(4, "little"), a_map.info.value_size)
    return None if value is None else [int.from_bytes(value[at : at + 8], "little") for at in range(0, len(value), 8)]


def put(side: LoadedSide, name: str, key: int, values: Sequence[int]) -> None:
    """Make an entry."""
    bpf.update(side.maps[name].fd, key.to_bytes(4, "little"), b"".join(one.to_bytes(8, "little") for one in values))


def remove(side: LoadedSide, name: str, key: int) -> None:
    """Delete an entry, if it is there."""
    bpf.delete(side.maps[name].fd, key.to_bytes(4, "little"))
