# SPDX-License-Identifier: Apache-2.0
"""The ``harness`` command. Each subcommand is a module of ``harness.commands``, imported only when it runs.

Exit statuses: 0 all holds, 1 it does not, 2 it could not be found out, 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from harness.errors import HarnessError

CANNOT_RUN = 2
INTERRUPTED = 130

_EPILOG = """\
exit status: 0 all holds, 1 it does not, 2 it could not be found out, 130 interrupted

`harness run` is the main job. `harness COMMAND --help` says more about each command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    arguments = _parser().parse_args(argv)
    # A polite end is one: what was started is given back either way.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print("harness: interrupted; nothing is left behind", file=sys.stderr)
        return INTERRUPTED
    except HarnessError as error:
        print(f"harness: {error}", file=sys.stderr)
        return CANNOT_RUN
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "run":
            from harness.commands.run import main as command
        case "doctor":
            from harness.doctor import main as command
        case "kernels":
            from harness.kernels.command import main as command
        case _:
            raise HarnessError(f"there is no command {arguments.command!r}")
    status: int = command(arguments)
    return status


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harness",
        description="Shows with evidence whether what the Honey compiler emits is as good as C written by hand.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_doctor(commands)
    _add_kernels(commands)
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="compile both sides, run them on a kernel, compare, report",
        description="Compiles all sides of each benchmark, drives the same events through them on a target's kernel, "
        "compares their maps with each other and with the oracle, and writes reports/latest.",
    )
    run.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help="names or TOML files; all when none is given")
    run.add_argument(
        "--target",
        default="vm",
        metavar="TARGET",
        help="vm (QEMU, needs no root; default), local (this machine's kernel, needs root), sim (no kernel at all), "
        "ssh:[USER@]HOST, vagrant",
    )
    run.add_argument("--kernel", metavar="NAME|PATH", help="the vm's kernel: see `harness kernels`, or a bzImage")
    run.add_argument(
        "--mode",
        choices=("shadow", "solo"),
        default="shadow",
        help="shadow: all sides attached at once, so that they see the same events (default); solo: one at a time",
    )
    run.add_argument("--seed", type=int, default=1, metavar="N", help="the traffic's seed (default: 1)")
    run.add_argument("--compiler", default="clang", metavar="CLANG", help="for all sides, e.g. clang-16")
    run.add_argument("--cpu", type=int, default=0, metavar="N", help="the CPU that the traffic runs on (default: 0)")
    run.add_argument("--cost-rounds", type=_whole, default=1, metavar="N", help="rounds A B B A of one side at a time")
    run.add_argument(
        "--no-guest-insns",
        dest="guest_insns",
        action="store_false",
        help="do not boot the second guest that counts instructions (target vm)",
    )
    run.add_argument("--json", metavar="PATH", help="write report.json there as well")
    run.add_argument("--reports", metavar="FOLDER", help="where reports are kept (default: reports/ of the checkout)")
    run.add_argument("-q", "--quiet", action="store_true", help="only the verdict, and errors")


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    commands.add_parser("doctor", help="what this machine can and cannot do, and how to mend it")


def _add_kernels(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    commands.add_parser("kernels", help="list and fetch kernels for the vm")


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


if __name__ == "__main__":
    sys.exit(main())
