# SPDX-License-Identifier: Apache-2.0
"""Showing diagnostics on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from honey.diagnostics import Diagnostic
    from honey.diagnostics.render import Style


def style_for(stream: TextIO) -> Style:
    """Colours on a terminal that can show them and where NO_COLOR does not forbid them, else none."""
    from honey.diagnostics.render import COLOURS, PLAIN

    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return COLOURS if wanted else PLAIN


def show(diagnostics: Sequence[Diagnostic], *, form: str, stream: TextIO) -> None:
    """Writes diagnostics: as text only if there are any, as JSON always."""

    if form == "json":
        from honey.diagnostics.render import as_json

        _put(as_json(diagnostics), stream)
    elif diagnostics:
        from honey.diagnostics.render import render_all

        _put(render_all(diagnostics, style_for(stream)), stream)


def progress(message: str) -> None:
    _put(message, sys.stderr)


def _put(text: str, stream: TextIO) -> None:
    """Prints. A reader that has gone, as in `honey check X.ex 2>&1 | head -1`, does not change the exit status."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
