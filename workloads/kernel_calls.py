# SPDX-License-Identifier: Apache-2.0
"""System calls made with exactly the numbers a plan asks for, bad pointers included.

Python's own wrappers choose buffers and retry, so they cannot say what the kernel saw.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import time
from collections.abc import Callable, Sequence
from itertools import repeat, starmap
from typing import Final

from workloads.base import DriveError
from workloads.calls import Call, Result
from workloads.system_calls import NUMBERS, number_of

#: What a plan may have done besides system calls, for so many nanoseconds of CPU time as the first argument says:
#: compute without asking the kernel for anything, or let the kernel work in calls that take long (into the memory at
#: the second argument). What is returned is how long it was.
COMPUTE: Final = "compute"
SERVE: Final = "serve"
WORK: Final = frozenset({COMPUTE, SERVE})
#: In a plan's hooks: the CPU time of whole processes counts as an event, too.
LIFE: Final = "life"
#: Bytes of random numbers at a time: some hundred microseconds, which the caller's own part is small beside.
_SERVING: Final = 0x10000

#: Functions of the C library that make one system call with further arguments of 0.
_THROUGH: Final = {"send": 4, "recv": 4}


class KernelCalls:
    """Makes the calls of a plan in this process. Raises :class:`DriveError` where their numbers are unknown."""

    def __init__(self) -> None:
        if platform.machine() not in NUMBERS:
            raise DriveError(f"the system call numbers of {platform.machine()} are not known here")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._syscall = self._libc.syscall
        self._syscall.argtypes = [ctypes.c_long] * 7
        self._syscall.restype = ctypes.c_long

    def make(self, call: Call) -> Result:
        """Write the call's memory, make it ``count`` times, and give what it returned (negative errno).

        Raises :class:`DriveError` if the repetitions do not all return the same.
        """
        if call.name == COMPUTE:
            return Result(compute(call.args[0]))
        if call.name == SERVE:
            return Result(self._serve(*call.args))
        for address, data in call.memory:
            ctypes.memmove(address, data, len(data))
        ret = self._make(call)
        return Result(ret, tuple(ctypes.string_at(address, size) for address, size in call.peek))

    def _make(self, call: Call) -> int:
        function, args = self._prepared(call)
        if call.count == 1:
            ret = self._result(function(*args))
            if call.into is not None and ret >= 0:
                self._move(ret, call.into)
            return ret
        first = self._result(function(*args))
        # The loop runs in C: under emulation a Python loop would take longer than the calls.
        total = sum(starmap(function, repeat(args, call.count - 1)))
        again = first if first >= 0 else -1
        if total != again * (call.count - 1):
            raise DriveError(f"{call.count} calls of {call.name} ({call.note}) did not all return {first}")
        return first

    def _serve(self, nanoseconds: int, memory: int) -> int:
        """Have the kernel use the CPU for so long; gives how long it was in the kernel."""
        function, args = self._prepared(Call("getrandom", (memory, _SERVING, 0)))
        used = 0
        while used < nanoseconds:
            began = time.thread_time_ns()
            function(*args)
            used += time.thread_time_ns() - began
        return used

    def _prepared(self, call: Call) -> tuple[Callable[..., int], Sequence[ctypes.c_long]]:
        if not call.through:
            numbers = (number_of(call.name), *call.args, *(0,) * (6 - len(call.args)))
            return self._syscall, tuple(ctypes.c_long(number) for number in numbers)
        function = self._libc[call.through]
        function.argtypes = [ctypes.c_long] * _THROUGH[call.through]
        function.restype = ctypes.c_long
        return function, tuple(ctypes.c_long(number) for number in call.args[: _THROUGH[call.through]])

    @staticmethod
    def _result(returned: int) -> int:
        return returned if returned >= 0 else -ctypes.get_errno()

    def _move(self, fd: int, into: int) -> None:
        if fd != into and self._libc.dup2(fd, into) < 0:
            raise DriveError(f"dup2 to file descriptor {into}: {describe(-ctypes.get_errno())}")
        if fd != into:
            self._libc.close(fd)


def compute(nanoseconds: int) -> int:
    """Use the CPU for so long without asking the kernel for anything; gives how long it really was."""
    began = time.thread_time_ns()
    while (used := time.thread_time_ns() - began) < nanoseconds:
        sum(range(20_000))
    return used


def describe(ret: int) -> str:
    """A return value in words: ``20``, ``-EFAULT``."""
    return str(ret) if ret >= 0 else f"-{errno.errorcode.get(-ret, -ret)}"
