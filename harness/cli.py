# SPDX-License-Identifier: Apache-2.0
"""The ``harness`` command. Each subcommand is a module, imported only when it is asked for, that has

* ``arguments(parser)``, which adds its arguments (and may set ``parser.description``), and
* ``main(arguments) -> int``, which gives the exit status.

Exit statuses: 0 all holds, 1 it does not, 2 it could not be found out, 3 a bug in the harness, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TextIO

from harness.errors import HarnessError

CANNOT_RUN = 2
BUG = 3
INTERRUPTED = 130

#: The subcommands: where each lives and what it does.
COMMANDS = {
    "run": ("harness.commands.run", "compile both sides, run them on a kernel, compare, report"),
    "new": ("harness.commands.new", "make a new pair from a template"),
    "inspect": ("harness.commands.inspect", "describe an eBPF object from whatever compiler"),
    "replay": ("harness.commands.replay", "run an evidence bundle again, and say whether it came out the same"),
    "compare": ("harness.commands.compare", "show what changed between two runs"),
    "baseline": ("harness.commands.baseline", "show or update the figures that runs are judged against"),
    "report": ("harness.commands.report", "show a stored run, and make its reports anew"),
    "doctor": ("harness.doctor", "what this machine can and cannot do, and how to mend it"),
    "kernels": ("harness.kernels.command", "list and fetch kernels for the virtual machine"),
}

#: Ctrl-C, a polite request, and a terminal that was closed: what was started is given back after each.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_INTERRUPTED = "interrupted; nothing is left behind"

_EPILOG = """\
exit status: 0 all holds, 1 it does not, 2 it could not be found out, 3 a bug in the harness, 130 interrupted

`harness run` is the main job; `harness COMMAND --help` says more about each command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    _show_what_has_no_code()
    _on_ending(_leave)
    try:
        status = _run(given)
        if sys.stdout is not None:
            sys.stdout.flush()  # when the process ends it would be too late to say that it failed
    except KeyboardInterrupt:
        _say(_INTERRUPTED)
        return INTERRUPTED
    except HarnessError as error:
        _say(str(error))
        return CANNOT_RUN
    except BrokenPipeError:  # the reader of our output has gone, as in `harness --help | head`
        _silence(sys.stdout)
        return 0
    except OSError as error:  # a full disk, a folder that cannot be written
        reason = error.strerror or str(error)
        _say(f"{error.filename}: {reason}" if error.filename is not None else f"cannot write: {reason}")
        _silence(sys.stdout)
        return CANNOT_RUN
    except Exception as error:  # noqa: BLE001 (whatever it is, people are told about it without a traceback)
        return _bug(error)
    return status


def _run(given: Sequence[str]) -> int:
    try:
        arguments = _parser(given).parse_args(given)
    except SystemExit as end:  # of `--help`, and of a wrong command line
        _put_error("")  # what the parser has said waits there
        return end.code if isinstance(end.code, int) else 0
    command = import_module(COMMANDS[arguments.command][0])
    _on_ending(_interrupt)
    status: int = command.main(arguments)
    return status


def _say(words: str) -> None:
    _put_error(f"harness: {words}\n")


def _put_error(text: str) -> None:
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except OSError:  # there is nobody to say it to
        _silence(sys.stderr)


def _silence(stream: TextIO | None) -> None:
    """Lets what waits in ``stream`` go nowhere, so that Python does not complain of it when the process ends."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_what_has_no_code() -> None:
    """Lets a stream that has no code for a character, as in the locale C of some machines, show another for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _bug(error: Exception) -> int:
    """Say that the harness itself is wrong; ``HARNESS_DEBUG=1`` shows all of it."""
    if os.environ.get("HARNESS_DEBUG"):
        raise error
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    _say(
        f"a bug in the harness itself: {type(error).__name__}: {error} ({place})\n"
        "hint: HARNESS_DEBUG=1 shows where it comes from; nothing is left behind"
    )
    return BUG


def _on_ending(handler: Callable[[int, FrameType | None], None]) -> None:
    for each in _ENDING:
        if signal.getsignal(each) != signal.SIG_IGN:  # as after nohup(1)
            signal.signal(each, handler)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Ends the process at once: nothing has been started, and what is being loaded may take no exception of ours."""
    _say(_INTERRUPTED)
    os._exit(INTERRUPTED)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Another signal, from an impatient user or from the run that this one is a cell of, would disturb giving back.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


class _Parser(argparse.ArgumentParser):
    """A parser whose commands say themselves what they do not know, with their own usage and not that of all."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def] # as it is there
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the subcommand that is asked for has its arguments filled in."""
    parser = _Parser(
        prog="harness",
        description="Shows with evidence whether what the Honey compiler emits is as good as C written by hand.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in given if not word.startswith("-")), "")
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
        if name == asked:
            import_module(module).arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
