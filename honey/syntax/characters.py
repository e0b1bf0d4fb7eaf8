# SPDX-License-Identifier: Apache-2.0
"""Which characters a source may hold at all."""

from __future__ import annotations

import re

from honey.diagnostics import Diagnostic, error
from honey.syntax.source import SourceFile

_MAX_REPORTS = 5

# Control characters but tab, line feed and carriage return; the marks that change the direction of text, which Elixir
# refuses as well because a reader cannot see what they do; and the byte order mark.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")


def check_characters(source: SourceFile) -> list[Diagnostic]:
    """Reports bytes that are not UTF-8 and characters that Elixir does not take, at most a handful of them."""
    try:
        text = source.data.decode()
    except UnicodeDecodeError as problem:
        span = source.span(problem.start, problem.end)
        return [error("HNY0001", "the source is not UTF-8 from here on", source, span, help="save the file as UTF-8")]
    found: list[Diagnostic] = []
    for match in _FORBIDDEN.finditer(text):
        character = match[0]
        start = len(text[: match.start()].encode())
        found.append(
            error(
                "HNY0002",
                f"the character U+{ord(character):04X} may not stand in a source",
                source,
                source.span(start, start + len(character.encode())),
                help=f"remove it, or write `{_escape(character)}` inside a string",
            )
        )
        if len(found) == _MAX_REPORTS:
            break
    return found


def _escape(character: str) -> str:
    return f"\\x{ord(character):02X}" if ord(character) < 0x80 else f"\\u{ord(character):04X}"
