# SPDX-License-Identifier: Apache-2.0
"""What to say when the compiler itself is wrong: one screen with what a bug report needs, and no traceback."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING

from honey.commands.version import version_text

if TYPE_CHECKING:
    from honey.compiler import InternalError

_INNERMOST = 4  # frames that are named
_LONGEST = 1500  # characters of the exception's message


def bug_report(problem: InternalError) -> str:
    """The text for an error in the compiler."""
    cause = problem.cause
    where = f" of {problem.file}" if problem.file else ""
    message = str(cause)
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + " ..."
    frames = traceback.extract_tb(cause.__traceback__)[-_INNERMOST:]
    places = [f"    {_inside(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join(
        (
            f"honey: internal error during {problem.step}{where}",
            "",
            f"  {type(cause).__name__}: {message}".replace("\n", "\n  "),
            *places,
            "",
            *(f"  {line}" for line in version_text().split("\n")),
            "",
            "This is a bug in the compiler, not in your program. Please report it with the text above and, if you can,",
            "the smallest source that shows it.",
        )
    )


def _inside(filename: str) -> str:
    """A path inside the package, so that reports show no folders of the reporter's."""
    parts = PurePath(filename).parts
    if "honey" in parts:
        last = len(parts) - 1 - parts[::-1].index("honey")
        return "/".join(parts[last:])
    return parts[-1]
