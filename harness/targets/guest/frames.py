# SPDX-License-Identifier: Apache-2.0
"""Frames over a serial line: the same file serves the host and the guest, so it needs the standard library only.

A frame is ``HP``, one letter for its kind, the payload's length and CRC-32 (big endian, four bytes each), the payload.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

_HEAD = struct.Struct(">2scII")
_MAGIC = b"HP"

#: Guest to host: waiting for a job (payload: JSON about the guest), a line of progress, the packed results.
READY, STEP, DONE = b"R", b"S", b"D"
#: Host to guest: the packed job, then the word to run it.
JOB, GO = b"J", b"G"
#: Job and results that lie in memory shared with the host, unpacked; the payload says how long and their CRC-32. For
#: results four bytes of exit status come first, as in ``DONE``.
JOB_HERE, DONE_HERE = b"j", b"d"
WHERE = struct.Struct(">QI")

Read = Callable[[int], bytes]


class BrokenFrame(Exception):
    """The line carried something else than a frame."""


def pack(kind: bytes, payload: bytes = b"") -> bytes:
    """The frame's bytes."""
    return _HEAD.pack(_MAGIC, kind, len(payload), zlib.crc32(payload)) + payload


def read(receive: Read) -> tuple[bytes, bytes]:
    """Kind and payload of the next frame; ``receive(n)`` gives 1 to ``n`` bytes, or none at the end (``EOFError``)."""
    magic, kind, length, checksum = _HEAD.unpack(_exactly(receive, _HEAD.size))
    if magic != _MAGIC:
        raise BrokenFrame(f"expected a frame, received {magic!r}")
    payload = _exactly(receive, length)
    if zlib.crc32(payload) != checksum:
        raise BrokenFrame(f"a frame of kind {kind!r} with {length} bytes arrived damaged")
    return kind, payload


def _exactly(receive: Read, length: int) -> bytes:
    parts: list[bytes] = []
    missing = length
    while missing:
        part = receive(missing)
        if not part:
            raise EOFError("the line was closed")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
