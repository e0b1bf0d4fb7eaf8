# SPDX-License-Identifier: Apache-2.0
"""What a command line asks for, and the command lines that are read without loading a parser for them."""

from __future__ import annotations

from collections.abc import Sequence

from honey.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command and its options; what a command does not have is left at what it is without it."""

    command: str = ""
    path: str = ""
    paths: list[str] = field(default_factory=list)
    code: str | None = None
    output: str | None = None
    emit: str = "obj"
    passes: str | None = None
    format: str = "text"
    check: bool = False


def plain(words: Sequence[str]) -> Arguments | None:
    """The arguments of ``compile FILE``, ``compile FILE -o OUT`` and ``check FILE``, the usual lines.

    `None` for all others, and for all that needs a second look. A parser for them takes longer to load and make than
    the parser of Honey.
    """
    match words:
        case [("compile" | "check") as command, path] if not path.startswith("-"):
            return Arguments(command, path) if command == "compile" else Arguments(command, paths=[path])
        case ["compile", path, "-o", output] if not path.startswith("-") and not output.startswith("-"):
            return Arguments("compile", path, output=output)
        case _:
            return None
