# SPDX-License-Identifier: Apache-2.0
"""Work on several things at once: order, errors, and what happens when a process is lost."""

from __future__ import annotations

import os
import signal

import pytest

from honey.commands.workers import WorkerLost, in_parallel

ITEMS = range(7)


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


def test_results_come_in_order_from_several_processes() -> None:
    done = in_parallel(lambda item: (item * item, os.getpid()), ITEMS)
    assert [result for result, _ in done] == [0, 1, 4, 9, 16, 25, 36]
    processes = {process for _, process in done}
    assert len(processes) == 3
    assert os.getpid() not in processes


def test_large_results_get_through() -> None:
    assert [len(result) for result in in_parallel(lambda item: b"x" * (item << 20), ITEMS)] == [
        item << 20 for item in ITEMS
    ]


def test_the_first_error_is_raised_when_all_is_done(tmp_path: object) -> None:
    def work(item: int) -> int:
        open(f"{tmp_path}/{item}", "w").close()
        if item in (3, 5):
            raise ValueError(f"no {item}")
        return item

    with pytest.raises(ValueError, match="no 3"):
        in_parallel(work, ITEMS)
    assert sorted(os.listdir(str(tmp_path))) == [str(item) for item in ITEMS]


def test_a_killed_process_is_said_and_none_is_left() -> None:
    def work(item: int) -> int:
        if item == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(WorkerLost):
        in_parallel(work, ITEMS)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_one_item_needs_no_process() -> None:
    assert in_parallel(lambda _: os.getpid(), [1]) == [os.getpid()]
