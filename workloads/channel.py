# SPDX-License-Identifier: Apache-2.0
"""How the parent gives orders to a thread of an actor, and gets answers: shared memory and a futex.

Not pipes or sockets, because reads, writes, sends and receives are among the calls that programs under test watch: an
actor that waits or answers makes no system call but futex(2).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import struct

_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), 98)
_WAIT, _WAKE = 0, 1  # linux/futex.h, without FUTEX_PRIVATE_FLAG: the two ends are different processes
_LIBC = ctypes.CDLL(None, use_errno=True)

#: States. The thread works while it is ``ORDERED`` (it begins in it, and its first answer is its introduction).
_ORDERED, _ANSWERED, _LEAVE = 1, 2, 3
_HEADER = struct.Struct("=IIII")  # state, turn, kind of answer, length of answer
_STATE_AT, _TURN_AT, _KIND_AT = 0, 4, 8


class Channel:
    """Both ends of one thread's channel; made before the fork. Answers have up to ``room`` bytes."""

    def __init__(self, room: int) -> None:
        self._memory = mmap.mmap(-1, _HEADER.size + room)
        self._state = ctypes.c_uint32.from_buffer(self._memory, _STATE_AT)
        self._state.value = _ORDERED
        self.room = room

    # The parent's end.

    def order(self, turn: int) -> None:
        """Ask the thread, which waits, to take ``turn``."""
        struct.pack_into("=I", self._memory, _TURN_AT, turn)
        self._change(_ORDERED)

    def answer(self, patience_s: float) -> tuple[int, bytes] | None:
        """``(kind, payload)`` of the thread's answer, None where there is none after ``patience_s``."""
        if self._state.value == _ORDERED:
            _futex(self._state, _WAIT, _ORDERED, patience_s)
        if self._state.value == _ORDERED:
            return None
        kind, length = struct.unpack_from("=II", self._memory, _KIND_AT)
        return kind, bytes(self._memory[_HEADER.size : _HEADER.size + length])

    def leave(self) -> None:
        """Tell the thread that nobody will order anything any more."""
        self._change(_LEAVE)

    # The thread's end.

    def reply(self, kind: int, payload: bytes) -> None:
        """Answer; what is too long is cut off."""
        payload = payload[: self.room]
        struct.pack_into("=II", self._memory, _KIND_AT, kind, len(payload))
        self._memory[_HEADER.size : _HEADER.size + len(payload)] = payload
        self._change(_ANSWERED)

    def wait(self) -> int | None:
        """The next turn to take, None when it is time to leave."""
        while (state := self._state.value) not in (_ORDERED, _LEAVE):
            _futex(self._state, _WAIT, state, None)
        if state == _LEAVE:
            return None
        turn: int = struct.unpack_from("=I", self._memory, _TURN_AT)[0]
        return turn

    def _change(self, state: int) -> None:
        self._state.value = state
        _futex(self._state, _WAKE, 1, None)


def _futex(word: ctypes.c_uint32, operation: int, value: int, timeout_s: float | None) -> None:
    timeout = None
    if timeout_s is not None:
        nanoseconds = max(0, int(timeout_s * 1e9))
        timeout = ctypes.create_string_buffer(struct.pack("=qq", *divmod(nanoseconds, 1_000_000_000)), 16)
    result = _LIBC.syscall(_FUTEX, ctypes.byref(word), operation, ctypes.c_uint32(value), timeout, None, 0)
    code = ctypes.get_errno()
    if result < 0 and code not in {errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT}:
        raise OSError(code, os.strerror(code))
