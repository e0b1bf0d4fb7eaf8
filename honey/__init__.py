# SPDX-License-Identifier: Apache-2.0
"""Honey: Elixir syntax to eBPF. The commands are in `honey.cli`, the compiler as a library in `honey.compiler`.

`simulate` runs a program in plain Python, for unit tests; see `honey.simulator`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # known to type checkers; `typing` would take half of the time until `honey.entry` runs

if TYPE_CHECKING:
    from honey.simulator import simulate

__all__ = ["simulate"]


def __getattr__(name: str) -> object:
    """Imports the simulator when it is first asked for, so that the commands start quickly."""
    if name == "simulate":
        from honey.simulator import simulate as function

        return function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
