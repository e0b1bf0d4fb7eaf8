# SPDX-License-Identifier: Apache-2.0
"""Command lines in all their forms, with help and messages on what is wrong with them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

from honey.commands.arguments import Arguments

_EPILOG = """\
exit status: 0 all is well, 1 errors in a source, 2 a file or a tool is missing or fails, 3 a bug in the
compiler, 130 interrupted
"""


_NARROWEST = 20  # columns of help on a terminal that has, or says that it has, fewer


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from honey.commands.version import version_text

        print(version_text())
        parser.exit()


def _formatter(prog: str) -> argparse.HelpFormatter:
    """What argparse makes for each option; left alone, it loads modules to learn the terminal's width."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):
        columns = 80
    return argparse.HelpFormatter(prog, width=max(columns - 2, _NARROWEST))


class _Parser(argparse.ArgumentParser):
    """A parser whose commands say themselves what they do not know, with their own usage and not that of `honey`."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def] # as it is there
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def parse(words: Sequence[str]) -> Arguments:
    """What a command line asks for. Ends the process where it is wrong, or asks for help."""
    return Arguments(**vars(_parser(words).parse_args(words)))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the command that `words` begin with, or of all of them: each takes its time to make."""
    parser = _Parser(
        prog="honey", description="Compiles Elixir syntax to eBPF.", epilog=_EPILOG, formatter_class=_formatter
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        default=argparse.SUPPRESS,
        help="show the versions of honey and its tools",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, prog="honey")
    first = words[0] if words else ""
    for name, (add, help, epilog) in _COMMANDS.items():
        if name == first or first not in _COMMANDS:
            add(commands.add_parser(name, help=help, epilog=epilog, formatter_class=_formatter))
    return parser


def _add_compile(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compiles a source, or every *.ex file of a folder, to eBPF objects."
    parser.add_argument("path", metavar="FILE.ex|DIR", help="a source, a folder of sources, or - for standard input")
    _add_output(parser)
    parser.add_argument(
        "--emit",
        choices=("ast", "ir", "c", "obj"),
        default="obj",
        help="what to write: syntax tree, optimised IR, C, or the object (default: obj)",
    )
    _add_passes(parser)
    _add_format(parser)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Reports errors and warnings in sources, without compiling them."
    parser.add_argument("paths", metavar="FILE.ex|DIR", nargs="+", help="sources, folders of sources, or -")
    _add_format(parser)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.description = "Explains a diagnostic code with an example, or lists all codes."
    parser.add_argument("code", metavar="CODE", nargs="?", help="a code such as HNY0301; all are listed without it")
    _add_format(parser)


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compiles a source, or every *.ex file of a folder, now and whenever one changes."
    parser.add_argument("path", metavar="FILE.ex|DIR", help="a source or a folder of sources")
    _add_output(parser)
    parser.add_argument("--check", action="store_true", help="only report errors, write nothing")
    _add_passes(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    help = "where to write: a file, a folder, or - for standard output (default: beside the source)"
    parser.add_argument("-o", "--output", metavar="OUT", help=help)


def _add_passes(parser: argparse.ArgumentParser) -> None:
    help = (
        "the optimisations to run: names, `all`, `none`, with commas between; "
        "`--passes=-NAME` leaves one out (default: all)"
    )
    parser.add_argument("--passes", metavar="NAME,...", help=help)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write diagnostics")


_COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str, str | None]] = {
    "compile": (_add_compile, "compile sources to eBPF objects", _EPILOG),
    "check": (_add_check, "report what is wrong with sources", _EPILOG),
    "explain": (_add_explain, "explain a diagnostic code", None),
    "watch": (_add_watch, "compile sources again whenever they change", None),
}
