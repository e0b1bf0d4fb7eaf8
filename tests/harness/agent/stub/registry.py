# SPDX-License-Identifier: Apache-2.0
"""As ``workloads.registry``: ``send`` sends datagrams, ``hang`` never ends, ``fail`` raises, ``panic`` is one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workloads.events import Event
from workloads.recorder import Recorder


class Simple:
    """A workload whose plan is its options, done in a process of its own."""

    def __init__(self, act: Callable[[Mapping[str, Any]], None]) -> None:
        self._act = act

    def plan(self, seed: int, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"seed": seed, **options}

    def drive(self, plan: Mapping[str, Any], recorder: Recorder, *, time_limit_s: float) -> None:
        assert time_limit_s > 0
        recorder.ready({})
        if self._act is _fail:
            _fail(plan)
        pid = os.fork()
        if pid == 0:
            self._act(plan)
            os._exit(0)
        recorder.pids.append(pid)
        os.waitpid(pid, 0)
        recorder.events.append(Event(seq=0, hook="syscalls/sys_enter_sendto", pid=pid, count=plan.get("count", 0)))


def _send(plan: Mapping[str, Any]) -> None:
    """``count`` datagrams of 1, 2, ... 7, 1, 2 ... bytes."""
    sending, receiving = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for number in range(plan["count"]):
        sending.send(b"x" * (1 + number % 7))
        receiving.recv(16)


def _hang(plan: Mapping[str, Any]) -> None:
    Path(plan["says"]).write_text(str(os.getpid()), encoding="ascii") if "says" in plan else None
    time.sleep(1000)


def _fail(_plan: Mapping[str, Any]) -> None:
    raise OSError("the network is down")


def _panic(_plan: Mapping[str, Any]) -> None:
    Path("/proc/sysrq-trigger").write_text("c", encoding="ascii")


_ALL = {"send": Simple(_send), "hang": Simple(_hang), "panic": Simple(_panic), "fail": Simple(_fail)}


def get(name: str) -> Simple:
    return _ALL[name]
