# SPDX-License-Identifier: Apache-2.0
"""Counts lines of code: neither blank nor comment, so that explaining a program does not make it look longer."""

from __future__ import annotations

import re
from pathlib import Path

_C_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|(\"(?:\\.|[^\"\\\n])*\")", re.DOTALL)
#: Elixir's documentation attributes, which are comments in all but syntax.
_ELIXIR_DOC = re.compile(r'^[ \t]*@(?:moduledoc|doc|typedoc)\s+(?:~[sS])?("""|\'\'\').*?\1', re.DOTALL | re.MULTILINE)
_ELIXIR_COMMENT = re.compile(r"^[ \t]*(?:#|@(?:moduledoc|doc|typedoc)\b).*$", re.MULTILINE)


def code_lines(path: Path) -> int:
    """Lines of code in a C (``.c``, ``.h``) or Elixir (``.ex``) file; ``#line`` directives are not code."""
    return count_code_lines(path.read_text(encoding="utf-8"), elixir=path.suffix in {".ex", ".exs"})


def count_code_lines(text: str, *, elixir: bool) -> int:
    """Lines of code in ``text``."""
    if elixir:
        text = _ELIXIR_COMMENT.sub("", _ELIXIR_DOC.sub("", text))
    else:
        text = _C_COMMENT.sub(lambda match: match.group(1) or "", text)
    lines = (line.strip() for line in text.splitlines())
    return sum(1 for line in lines if line and not line.startswith("#line"))
