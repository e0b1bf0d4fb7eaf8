# SPDX-License-Identifier: Apache-2.0
"""Says what a run is doing: a live line in a terminal, plain lines elsewhere. Keeps how long each step took."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.status import Status


@dataclass
class Progress:
    """The steps of a run; ``timings`` are seconds by step. Steps may run at once, in threads."""

    console: Console
    quiet: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    _running: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _status: Status | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """For the time of the block, show the running steps in a terminal."""
        if self.quiet or not self.console.is_terminal:
            yield
            return
        with self.console.status("") as status:
            self._status = status
            try:
                yield
            finally:
                self._status = None

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        """A step: ``name`` is its key in the timings, ``words`` what people read."""
        started = time.perf_counter()
        self.detail(name, words)
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            with self._lock:
                self.timings[name] = round(self.timings.get(name, 0.0) + seconds, 3)
                self._running.pop(name, None)
            self._say(f"{words}: {seconds:.1f} s")
            self._show()

    def detail(self, name: str, words: str) -> None:
        """What the running step ``name`` is at."""
        with self._lock:
            self._running[name] = words
        self._show()

    def _say(self, line: str) -> None:
        if not self.quiet:
            self.console.print(line, style="dim", markup=False)

    def _show(self) -> None:
        if self._status is not None:
            with self._lock:
                words = " · ".join(self._running.values())
            self._status.update(escape(words))
