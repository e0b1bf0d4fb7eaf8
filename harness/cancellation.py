# SPDX-License-Identifier: Apache-2.0
"""Work in another thread that ends early when what it is done for has failed or was interrupted."""

from __future__ import annotations

import threading
from types import TracebackType

from harness.errors import RunError


class Cancellation:
    """Tells the work. As a context manager it does so when the block is left by an exception."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def __enter__(self) -> Cancellation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._asked.set()

    def check(self) -> None:
        """Called by the work between its steps: raises :class:`RunError` once nobody waits for it any more."""
        if self._asked.is_set():
            raise RunError("the run ended before this was done")
