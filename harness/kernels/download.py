# SPDX-License-Identifier: Apache-2.0
"""Files over HTTP: a download that was broken off goes on where it stopped (RFC 9110, ranges), and sums are checked."""

from __future__ import annotations

import errno
import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from harness.kernels.errors import KernelError

_SILENCE_LIMIT_S = 30.0
_ATTEMPTS = 3
_CHUNK = 1 << 20
_RANGE_NOT_SATISFIABLE = 416


class Unreachable(KernelError):
    """A file that cannot be had: the address does not answer, or does not know it (``status`` 404)."""

    def __init__(self, address: str, reason: str, status: int = 0) -> None:
        self.status = status
        super().__init__(f"{address}: {reason}")


def fetch_bytes(address: str) -> bytes:
    """A small file's contents. Raises :class:`Unreachable`."""
    request = urllib.request.Request(address)
    try:
        with urllib.request.urlopen(request, timeout=_SILENCE_LIMIT_S) as answer:
            contents: bytes = answer.read()
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _unreachable(address, problem) from problem
    return contents


def fetch_file(address: str, path: Path, sha256: str) -> None:
    """Bring a file to ``path``, which appears only when its sum is right; what has come so far waits in ``.part``.

    Raises :class:`Unreachable`, and :class:`KernelError` where the sum is wrong.
    """
    part = path.with_name(f"{path.name}.part")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _go_on(address, part)
            break
        except (OSError, http.client.HTTPException, ValueError) as problem:
            final = isinstance(problem, urllib.error.HTTPError) and problem.code < 500
            if final or attempt == _ATTEMPTS or not _is_the_lines(problem):
                raise _unreachable(address, problem) from problem
    found = _sum(part)
    if found != sha256:
        part.unlink()
        raise KernelError(
            f"{path.name} arrived damaged: its SHA-256 is {found[:16]}..., not {sha256[:16]}...",
            hint="fetch it again; if that does not help, the archive itself is at fault",
        )
    part.replace(path)


def _go_on(address: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_SILENCE_LIMIT_S)
    except urllib.error.HTTPError as problem:
        if problem.code == _RANGE_NOT_SATISFIABLE and have:  # all of it is here; the sum will tell
            return
        raise
    with answer, part.open("ab") as out:
        if answer.status != http.client.PARTIAL_CONTENT:
            out.truncate(0)  # a server without ranges begins anew
        left = int(answer.headers.get("Content-Length", -1))
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
            left -= len(chunk)
    if left > 0:
        raise http.client.IncompleteRead(b"", left)


def _is_the_lines(problem: Exception) -> bool:
    """Whether trying again may help: not where our own disk is full, say."""
    return isinstance(problem, (http.client.HTTPException, urllib.error.URLError, ConnectionError, TimeoutError))


def _unreachable(address: str, problem: Exception) -> KernelError:
    if isinstance(problem, urllib.error.HTTPError):
        return Unreachable(address, f"the server answers {problem.code} {problem.reason}", problem.code)
    if isinstance(problem, urllib.error.URLError):
        return Unreachable(
            address, f"cannot be reached ({getattr(problem.reason, 'strerror', None) or problem.reason})"
        )
    if isinstance(problem, OSError) and not _is_the_lines(problem):
        said = f"{address} cannot be kept: {problem.strerror or problem}"
        return KernelError(said, hint="make room where the cache lies" if problem.errno == errno.ENOSPC else "")
    return Unreachable(address, f"the transfer broke off ({problem})")


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
