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
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType

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

_EPILOG = """\
exit status: 0 all holds, 1 it does not, 2 it could not be found out, 3 a bug in the harness, 130 interrupted

`harness run` is the main job; `harness COMMAND --help` says more about each command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    for each in _ENDING:
        if signal.getsignal(each) != signal.SIG_IGN:  # as after nohup(1)
            signal.signal(each, _interrupt)
    try:
        arguments = _parser(given).parse_args(given)
        status: int = import_module(COMMANDS[arguments.command][0]).main(arguments)
    except KeyboardInterrupt:
        print("harness: interrupted; nothing is left behind", file=sys.stderr)
        return INTERRUPTED
    except HarnessError as error:
        print(f"harness: {error}", file=sys.stderr)
        return CANNOT_RUN
    except BrokenPipeError:  # the reader of our output has gone, as in `harness run | head`
        sys.stderr.close()
        return 0
    except OSError as error:  # a full disk, a folder that cannot be written
        print(f"harness: {error.filename or 'the file system'}: {error.strerror or error}", file=sys.stderr)
        return CANNOT_RUN
    except Exception as error:  # noqa: BLE001 (whatever it is, people are told about it without a traceback)
        return _bug(error)
    return status


def _bug(error: Exception) -> int:
    """Say that the harness itself is wrong; ``HARNESS_DEBUG=1`` shows all of it."""
    if os.environ.get("HARNESS_DEBUG"):
        raise error
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    print(f"harness: a bug in the harness itself: {type(error).__name__}: {error} ({place})", file=sys.stderr)
    print("hint: HARNESS_DEBUG=1 shows where it comes from; nothing is left behind", file=sys.stderr)
    return BUG


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Another signal, from an impatient user or from the run that this one is a cell of, would disturb giving back.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the subcommand that is asked for has its arguments filled in."""
    parser = argparse.ArgumentParser(
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
