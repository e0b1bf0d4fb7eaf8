# SPDX-License-Identifier: Apache-2.0
"""How deeply a source may be nested.

Every step of the compiler walks trees by recursion. The parser refuses what is nested deeper than `MAX_NESTING`, and
`room_to_recurse` makes Python's own limit large enough for that depth, so that no step meets a `RecursionError`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

MAX_NESTING = 200
"""Levels of syntax tree. Sources that people write stay below 40; a chain of `n` operators counts `n` levels."""

_FRAMES_PER_LEVEL = 40
"""Python frames that any step needs for one level, with room to spare."""


@contextmanager
def room_to_recurse() -> Iterator[None]:
    """Raises Python's recursion limit, for as long as the context lasts, to what `MAX_NESTING` levels need."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 1000 + MAX_NESTING * _FRAMES_PER_LEVEL))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
