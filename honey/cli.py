# SPDX-License-Identifier: Apache-2.0
"""The `honey` command. Each subcommand is a module of `honey.commands`, imported only when it runs.

Exit statuses: 0 all is well, 1 errors in a source, 2 the machine or the command line (a file that cannot be read, no
clang, an error from clang, an output that cannot be written), 3 an error in the compiler itself, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import NoReturn

from honey.commands.arguments import Arguments, plain
from honey.signals import raise_again_what_is_lost

OK = 0
SOURCE_ERROR = 1
ENVIRONMENT = 2
INTERNAL = 3
INTERRUPTED = 130


def process() -> NoReturn:
    """The command as a process: `main`, and an end that does not take memory apart which goes with the process."""
    gc.set_threshold(100_000)  # what a compilation makes it mostly keeps
    _open_standard_streams()
    raise_again_what_is_lost()
    status = OK
    try:
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # see honey.entry: there was nothing to tidy up yet
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as end:  # of a wrong command line, of `--help`, on SIGTERM
        status = end.code if isinstance(end.code, int) else OK
    except OSError as problem:
        status = _cannot_write(problem)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = OK
    except OSError as problem:
        status = status or _cannot_write(problem)
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def _open_standard_streams() -> None:
    """Opens those that are closed, so that no file gets one of their numbers, and with it what is meant for them.

    Reading from a closed standard input and writing to a closed standard output are errors, as they are for any
    command; what a closed standard error would have shown is lost. A character that a stream has no code for is shown
    by its number.
    """
    for number, way in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        opened = os.open(os.devnull, way)  # takes the lowest number that is free
        if opened != number:
            os.close(opened)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = plain(words) or _parsed(words)
        with _termination_as_exit():
            return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in `honey compile --emit c -o - X.ex | head`
        _silence_stdout()
        return OK


def _parsed(words: Sequence[str]) -> Arguments:
    from honey.commands.command_line import parse

    return parse(words)


def _run(arguments: Arguments) -> int:
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
    except BrokenPipeError:
        raise
    except OSError as problem:  # of a full disk, of a file or a folder that has gone meanwhile
        return _cannot_write(problem)
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


def _cannot_write(problem: OSError) -> int:
    """Says what the machine did not do. What still waits to be written to the standard output is given up."""
    with suppress(OSError):
        what = f"{problem.filename}: " if problem.filename is not None else "cannot write the output: "
        print(f"honey: {what}{problem.strerror or problem}", file=sys.stderr)
    _silence_stdout()
    return ENVIRONMENT


def _silence_stdout() -> None:
    """Keeps Python from complaining about the closed pipe when it flushes at exit."""
    with suppress(OSError, ValueError):  # where it is no file at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
