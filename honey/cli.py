# SPDX-License-Identifier: Apache-2.0
"""The `honey` command. Each subcommand is a module of `honey.commands`, imported only when it runs.

Exit statuses: 0 all is well, 1 errors in a source, 2 the machine or the command line (a file that cannot be read, no
clang, an error from clang), 3 an error in the compiler itself, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

OK = 0
SOURCE_ERROR = 1
ENVIRONMENT = 2
INTERNAL = 3
INTERRUPTED = 130

_EPILOG = """\
exit status: 0 all is well, 1 errors in a source, 2 a file or a tool is missing or fails, 3 a bug in the compiler
"""


def process() -> NoReturn:
    """The command as a process: `main`, and an end that does not take memory apart which goes with the process."""
    gc.set_threshold(100_000)  # what a compilation makes it mostly keeps
    status = main()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = OK
    sys.stderr.flush()
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words).parse_args(words)
    try:
        with _termination_as_exit():
            return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in `honey compile --emit c -o - X.ex | head`
        _silence_stdout()
        return OK


def _run(arguments: argparse.Namespace) -> int:
    from honey.commands.files import FileProblem
    from honey.compiler import InternalError

    try:
        match arguments.command:
            case "compile":
                from honey.commands import compile as command
            case "check":
                from honey.commands import check as command  # type: ignore[no-redef] # one of them is imported
            case "watch":
                from honey.commands import watch as command  # type: ignore[no-redef]
            case _:
                from honey.commands import explain as command  # type: ignore[no-redef]
        return command.run(arguments)
    except FileProblem as problem:
        print(f"honey: {problem}", file=sys.stderr)
        return ENVIRONMENT
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as problem:  # noqa: BLE001 -- a bug, which is told without a traceback
        from honey.commands.bug_report import bug_report

        found = problem if isinstance(problem, InternalError) else InternalError("", arguments.command, problem)
        print(bug_report(found), file=sys.stderr)
        return INTERNAL


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Lets SIGTERM end the process by way of an exception, so that temporary files are taken away."""

    def leave(number: int, _: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # a second one is not to disturb the tidying up
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _silence_stdout() -> None:
    """Keeps Python from complaining about the closed pipe when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# --- the command line -----------------------------------------------------------------------------------------------


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
    return argparse.HelpFormatter(prog, width=columns - 2)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the command that `words` begin with, or of all of them: each takes its time to make."""
    parser = argparse.ArgumentParser(
        prog="honey", description="Compiles Elixir syntax to eBPF.", epilog=_EPILOG, formatter_class=_formatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the versions of honey and its tools")
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
        "the optimisations to run: names, `all`, `none`, `-name` to leave one out, with commas between (default: all)"
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
