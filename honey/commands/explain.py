# SPDX-License-Identifier: Apache-2.0
"""`honey explain`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from honey.cli import ENVIRONMENT, OK
from honey.diagnostics.catalogue import Entry, catalogue

if TYPE_CHECKING:
    from honey.commands.arguments import Arguments


def run(arguments: Arguments) -> int:
    entries = catalogue()
    if arguments.code is None:
        _show_all(entries, arguments.format)
        return OK
    code = _full_code(arguments.code)
    entry = entries.get(code)
    if entry is None:
        from honey.diagnostics.suggest import did_you_mean

        hint = did_you_mean(code, entries) or "`honey explain` lists all of them"
        print(f"honey: there is no code {code}; {hint}", file=sys.stderr)
        return ENVIRONMENT
    print(json.dumps(asdict(entry), indent=1) if arguments.format == "json" else explain(entry))
    return OK


def explain(entry: Entry) -> str:
    """The text for one code."""
    lines = [f"{entry.code}: {entry.title} ({entry.severity})", "", entry.reason]
    for heading, example in (("This is reported:", entry.wrong), ("Write instead:", entry.right)):
        if example is not None:
            lines += ["", heading, "", *(f"    {line}".rstrip() for line in example.rstrip().split("\n"))]
    return "\n".join(lines)


def _show_all(entries: dict[str, Entry], form: str) -> None:
    if form == "json":
        print(json.dumps([asdict(entry) for entry in entries.values()], indent=1))
        return
    for entry in entries.values():
        mark = " (warning)" if entry.severity == "warning" else ""
        print(f"{entry.code}  {entry.title}{mark}")


def _full_code(text: str) -> str:
    """`HNY0301` from `hny0301`, `0301`, `301`."""
    digits = text.upper().removeprefix("HNY")
    return f"HNY{digits:0>4}" if digits.isdecimal() else text
