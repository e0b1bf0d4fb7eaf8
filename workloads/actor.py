# SPDX-License-Identifier: Apache-2.0
"""The inside of an actor: a forked process whose threads wait for their turns on pipes.

Pipes with plain reads and writes, because sockets or anything above them would make system calls of the kinds that are
being watched.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import struct
import threading
from dataclasses import dataclass

from workloads.calls import CallPlan
from workloads.kernel_calls import KernelCalls
from workloads.memory import map_region
from workloads.netns import join_network, leave_network, loopback_up

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # linux/prctl.h
_STANDARD_STREAMS = 3

#: Held back by the parent while it forks.
HELD_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_FRAME = struct.Struct("=BI")
#: Kinds of frame: return values as 64-bit numbers, a JSON document, an error message.
RESULTS, DOCUMENT, ERROR = 0, 1, 2

#: The order that asks a thread to take turn number so and so.
ORDER = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Line:
    """The actor's end of a thread's two pipes: orders come in, results go out."""

    orders: int
    results: int


def live(plan: CallPlan, index: int, lines: tuple[Line, ...], parent: int, network_of: int) -> None:
    """Be actor ``index`` of ``plan`` in the process that was just forked from ``parent``. Never returns.

    ``network_of`` is the pid of the actor whose network to join, 0 to make one, -1 to stay in the machine's.
    """
    code = 1
    try:
        _belong_to(parent, lines)
        notes = _enter_network(network_of)
        for address, size in plan.actors[index].regions:
            map_region(address, size)
        calls = KernelCalls()
        tids = [threading.get_native_id()]
        for number, name in enumerate(plan.actors[index].threads[1:], start=1):
            tids.append(_start_thread(plan, calls, lines[number], name))
        _name_thread(plan.actors[index].threads[0])
        gc.disable()
        document = json.dumps({"pid": os.getpid(), "tids": tids, "notes": notes})
        _send(lines[0].results, DOCUMENT, document.encode())
        _serve(plan, calls, lines[0])
        code = 0
    # Whatever it is, it must be told to the parent and not run on into the parent's own code.
    except BaseException as error:  # noqa: BLE001
        _tell(lines[0].results, error)
    finally:
        os._exit(code)


def _belong_to(parent: int, lines: tuple[Line, ...]) -> None:
    """Die with the parent, leave its terminal's signals to it, and hold none of its files open."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
    keep = sorted({fd for line in lines for fd in (line.orders, line.results)})
    for before, after in zip([_STANDARD_STREAMS - 1, *keep], [*keep, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(before + 1, after)


def _enter_network(network_of: int) -> list[str]:
    notes = []
    if network_of > 0:
        join_network(network_of)
    elif network_of == 0:
        refused = leave_network()
        if refused:
            notes.append(f"the machine's own network is used: {refused}")
    try:
        loopback_up()
    except OSError as error:
        notes.append(f"lo cannot be brought up: {error.strerror}")
    return notes


def _start_thread(plan: CallPlan, calls: KernelCalls, line: Line, name: str) -> int:
    """Start a thread that serves ``line``; gives its thread id."""
    ready = threading.Event()
    tids: list[int] = []

    def run() -> None:
        tids.append(threading.get_native_id())
        _name_thread(name)
        ready.set()
        try:
            _serve(plan, calls, line)
        # As in live(): the parent has to hear of it.
        except BaseException as error:  # noqa: BLE001
            _tell(line.results, error)

    threading.Thread(target=run, daemon=True).start()
    ready.wait()
    return tids[0]


def _name_thread(name: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def _serve(plan: CallPlan, calls: KernelCalls, line: Line) -> None:
    """Take the turns that are ordered, until nobody can order any more."""
    while order := os.read(line.orders, ORDER.size):
        turn = plan.turns[ORDER.unpack(order)[0]]
        results = [calls.make(call) for call in turn.calls]
        _send(line.results, RESULTS, struct.pack(f"={len(results)}q", *results))


def _tell(fd: int, error: BaseException) -> None:
    text = str(error) or type(error).__name__
    try:
        _send(fd, ERROR, text.encode())
    except OSError:
        # Nobody listens any more.
        return


def _send(fd: int, kind: int, payload: bytes) -> None:
    data = memoryview(_FRAME.pack(kind, len(payload)) + payload)
    while data:
        data = data[os.write(fd, data) :]


def frame_header(data: bytes) -> tuple[int, int]:
    """``(kind, length)`` of the frame that begins with ``data``."""
    kind, length = _FRAME.unpack(data)
    return kind, length


#: Bytes of a frame before its payload.
FRAME_HEADER = _FRAME.size
