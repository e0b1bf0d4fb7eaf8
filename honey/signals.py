# SPDX-License-Identifier: Apache-2.0
"""Signals that end a process, kept from coming at the wrong moment."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM)
"""What ends a command: Ctrl-C, and a polite request."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps `ENDING` waiting, so that none comes between something made and its being noted, or disturbs tidying up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
