# SPDX-License-Identifier: Apache-2.0
"""The inside of an actor: a forked process whose threads wait for their turns (:mod:`workloads.channel`)."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import threading

from workloads.calls import CallPlan, pack_results
from workloads.channel import Channel
from workloads.kernel_calls import KernelCalls
from workloads.memory import map_region
from workloads.netns import join_network, leave_network, loopback_up

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # linux/prctl.h
_STANDARD_STREAMS = 3

#: Held back by the parent while it forks.
HELD_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Kinds of answer: return values as 64-bit numbers, a JSON document, an error message.
RESULTS, DOCUMENT, ERROR = 0, 1, 2

#: glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGE = 1 << 30
#: Room for the objects of the longest turn; half of what CPython's allocator takes from the kernel at once.
_SPARE_OBJECTS, _SPARE_BYTES, _STAKES = 6000, 500, 250


def live(plan: CallPlan, index: int, channels: tuple[Channel, ...], parent: int, network_of: int) -> None:
    """Be actor ``index`` of ``plan`` in the process that was just forked from ``parent``. Never returns.

    ``network_of`` is the pid of the actor whose network to join, 0 to make one, -1 to stay in the machine's.
    """
    code = 1
    try:
        _belong_to(parent)
        notes = _enter_network(network_of)
        for address, size in plan.actors[index].regions:
            map_region(address, size)
        calls = KernelCalls()
        tids = [threading.get_native_id()]
        for number, name in enumerate(plan.actors[index].threads[1:], start=1):
            tids.append(_start_thread(plan, calls, channels[number], name))
        _name_thread(plan.actors[index].threads[0])
        spare = _lay_in_memory()
        document = json.dumps({"pid": os.getpid(), "tids": tids, "notes": notes})
        channels[0].reply(DOCUMENT, document.encode())
        _serve(plan, calls, channels[0])
        del spare
        code = 0
    # Whatever it is, it must be told to the parent and not run on into the parent's own code.
    except BaseException as error:  # noqa: BLE001
        channels[0].reply(ERROR, _words(error))
    finally:
        os._exit(code)


def _belong_to(parent: int) -> None:
    """Die with the parent, leave its terminal's signals to it, and hold none of its files open."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
    os.closerange(_STANDARD_STREAMS, os.sysconf("SC_OPEN_MAX"))


def _lay_in_memory() -> object:
    """See that the interpreter asks the kernel for no memory later, and gives none back: such calls may be watched.

    Gives what has to be kept for that: an object here and there, so that the pages around stay taken but free to use.
    """
    gc.disable()
    libc = ctypes.CDLL(None)
    for option, value in ((_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE), (_M_TOP_PAD, 1 << 20)):
        libc.mallopt(option, value)
    libc.malloc.restype = ctypes.c_void_p
    libc.free(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(1 << 20))))
    return [bytes(_SPARE_BYTES) for _ in range(_SPARE_OBJECTS)][::_STAKES]


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


def _start_thread(plan: CallPlan, calls: KernelCalls, channel: Channel, name: str) -> int:
    """Start a thread that serves ``channel``; gives its thread id."""
    ready = threading.Event()
    tids: list[int] = []

    def run() -> None:
        tids.append(threading.get_native_id())
        _name_thread(name)
        channel.reply(RESULTS, b"")
        ready.set()
        try:
            _serve(plan, calls, channel)
        # As in live(): the parent has to hear of it.
        except BaseException as error:  # noqa: BLE001
            channel.reply(ERROR, _words(error))

    threading.Thread(target=run, daemon=True).start()
    ready.wait()
    return tids[0]


def _name_thread(name: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def _serve(plan: CallPlan, calls: KernelCalls, channel: Channel) -> None:
    """Take the turns that are ordered, until nobody can order any more."""
    while (order := channel.wait()) is not None:
        turn = plan.turns[order]
        channel.reply(RESULTS, pack_results([calls.make(call) for call in turn.calls]))


def _words(error: BaseException) -> bytes:
    return (str(error) or type(error).__name__).encode()
