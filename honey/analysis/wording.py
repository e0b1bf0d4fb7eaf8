# SPDX-License-Identifier: Apache-2.0
"""Pieces of the source in messages, so that what a help says can be written as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from honey.analysis.errors import Report
    from honey.syntax.source import Span

_LONGEST = 48
"""Characters of an expression that a help still repeats."""


def shown(report: Report, span: Span, otherwise: str) -> str:
    """The source at ``span``, or ``otherwise`` where it is too long for a line of help."""
    text = report.source.text(span)
    return text if "\n" not in text and len(text) <= _LONGEST else otherwise
