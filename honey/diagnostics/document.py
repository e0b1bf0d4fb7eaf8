# SPDX-License-Identifier: Apache-2.0
"""The list of diagnostics as a page of the documentation.

`python -m honey.diagnostics.document > docs/diagnostics.md` writes it.
"""

from __future__ import annotations

from itertools import groupby

from honey.diagnostics.catalogue import Entry, catalogue

AREAS = {
    "00": "Syntax",
    "01": "Names and modules",
    "02": "Types",
    "03": "Values that may be missing",
    "04": "Byte order",
    "05": "Maps",
    "06": "Control flow",
    "07": "Contexts and kernel types",
    "08": "Resources",
    "09": "Library",
}

_HEAD = """\
# Diagnostics

What the compiler reports, by code. `honey explain CODE` shows the same in the terminal. This page is generated from
the compiler's own catalogue; the tests compile every example.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    for area, entries in groupby(catalogue().values(), key=lambda entry: entry.area[:2]):
        parts.append(f"## {AREAS[area]}\n")
        parts += [_entry(entry) for entry in entries]
    return "\n".join(parts)


def _entry(entry: Entry) -> str:
    kind = " (warning)" if entry.severity == "warning" else ""
    lines = [f"### {entry.code}: {entry.title}{kind}", "", entry.reason, ""]
    for heading, example in (("Reported:", entry.wrong), ("Instead:", entry.right)):
        if example is not None:
            lines += [heading, "```elixir", example.strip("\n"), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(), end="")
