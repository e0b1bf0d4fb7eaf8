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

        print(as_json(diagnostics), file=stream)
    elif diagnostics:
        from honey.diagnostics.render import render_all

        print(render_all(diagnostics, style_for(stream)), file=stream)


def progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
