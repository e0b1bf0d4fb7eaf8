# SPDX-License-Identifier: Apache-2.0
"""Signals that end a process, kept from coming at the wrong moment."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ENDING = (signal.SIGINT, signal.SIGTERM)
"""What ends a command: Ctrl-C, and a polite request."""
_MOMENT = 0.0001
"""Seconds."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps `ENDING` waiting, so that none comes between something made and its being noted, or disturbs tidying up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def raise_again_what_is_lost() -> None:
    """Lets no signal be lost that comes while Python runs what may not raise: a weak reference's callback, a finaliser.

    Python would print the exception and go on. It is raised again a moment later instead, when that has come to its
    end.
    """
    usual = sys.unraisablehook

    def hook(lost: UnraisableHookArgs) -> None:
        exception = lost.exc_value
        if not isinstance(exception, KeyboardInterrupt | SystemExit):
            usual(lost)
            return

        def raise_again(_: int, __: object) -> NoReturn:
            raise exception

        signal.signal(signal.SIGALRM, raise_again)
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)

    sys.unraisablehook = hook
