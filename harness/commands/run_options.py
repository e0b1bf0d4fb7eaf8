# SPDX-License-Identifier: Apache-2.0
"""The options of ``harness run``, and those of them that a run hands on to the cells of a matrix."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from harness.execute import KNOWN_TARGETS
from harness.plan import SHADOW, SOLO
from harness.report.assemble import LEAST_ROUNDS
from harness.targets import DEFAULT as DEFAULT_TARGET

#: Adds an option to a parser, as ``add_argument`` does.
_Add = Callable[..., argparse.Action]


def add(parser: argparse.ArgumentParser) -> None:
    """Add all of them to ``parser``."""
    handed_on: list[argparse.Action] = []

    def for_cells(*names: str, **settings: object) -> argparse.Action:
        action: argparse.Action = parser.add_argument(*names, **settings)  # type: ignore[arg-type] # as they are there
        handed_on.append(action)
        return action

    for_cells("benchmarks", nargs="*", metavar="BENCHMARK", help="names or TOML files (default: all)")
    _add_where(for_cells)
    _add_how(for_cells)
    _add_figures(for_cells)
    parser.set_defaults(handed_on=tuple(handed_on))
    _add_matrix(parser.add_argument_group("many runs as one").add_argument)
    _add_two_objects(parser.add_argument_group("two finished objects instead of benchmarks").add_argument)
    _add_results(parser.add_argument)


def of_a_cell(given: argparse.Namespace) -> list[str]:
    """The command line of a cell of the matrix that ``given`` asks for, but for what the matrix varies.

    It has all that was given and is not about the whole: what a matrix is, and where its results go.
    """
    words: list[str] = []
    for action in given.handed_on:
        value = getattr(given, action.dest)
        if value == action.default:
            continue
        if not action.option_strings:
            words += value
        elif action.nargs == 0:
            words.append(action.option_strings[0])
        else:
            words.append(f"{action.option_strings[0]}={value}")
    return words


def _add_where(add: _Add) -> None:
    kinds = "; ".join(f"{name}: {words}" for name, words in KNOWN_TARGETS.items())
    add("--target", default=DEFAULT_TARGET, metavar="TARGET", help=f"{kinds} (default: %(default)s)")
    add("--kernel", metavar="NAME|PATH", help="the vm's kernel: see `harness kernels`, or a bzImage")
    add("--modules", metavar="FOLDER", help="modules for an image given as a path, where it has not all built in")


def _add_how(add: _Add) -> None:
    add(
        "--mode",
        choices=(SHADOW, SOLO),
        default=SHADOW,
        help="shadow: all sides attached at once, so that they see the same events (default); solo: one at a time",
    )
    add("--seed", type=int, default=1, metavar="N", help="the traffic's seed (default: %(default)s)")
    add("--compiler", default="clang", metavar="CLANG", help="for all sides, e.g. clang-16")
    add("--cpu", type=_whole, metavar="N", help="the CPU the traffic runs on (default: the first that may be used)")


def _add_figures(add: _Add) -> None:
    add(
        "--cost-blocks",
        type=_whole,
        default=1,
        metavar="N",
        help="blocks of rounds A B B A in which each side runs alone, for times with an interval: 8 or more "
        "(default: %(default)s; 0: no times)",
    )
    add(
        "--no-guest-insns",
        dest="guest_insns",
        action="store_false",
        help="do without the second guest, which counts instructions (target vm)",
    )
    add(
        "--compile-rounds",
        type=_whole,
        default=0,
        metavar="N",
        help=f"compile all sides N times more, one at a time: {LEAST_ROUNDS} or more for limits on compile time "
        "(default: %(default)s)",
    )
    add(
        "--ablation",
        action="store_true",
        help="also count what each pass of the Honey compiler saves: executed eBPF instructions and, where guest "
        "instructions are counted, those",
    )
    add(
        "--no-counters",
        dest="counters",
        action="store_false",
        help="do without the rounds in which the CPU's hardware counters are read, where it has any",
    )


def _add_matrix(add: _Add) -> None:
    add(
        "--matrix",
        nargs="+",
        metavar="AXIS=A,B",
        help="every combination of kernels=..., compilers=..., seeds=..., targets=..., as many at once as fit",
    )
    add("--shard", default="", metavar="I/N", help="only the I-th of N parts of the matrix")


def _add_two_objects(add: _Add) -> None:
    add("--left", type=Path, metavar="A.bpf.o", help="stands on the Honey side")
    add("--right", type=Path, metavar="B.bpf.o", help="stands on the C side")
    add("--workload", metavar="NAME", help="what drives them; their maps are compared as they are")
    add("--like", metavar="BENCHMARK", help="compare them by this benchmark's workload, rules and oracle")
    add(
        "--timestamp",
        action="append",
        default=[],
        metavar="FIELD",
        help="with --workload: this field of map values is a time, which may differ a little (can be given repeatedly)",
    )


def _add_results(add: _Add) -> None:
    add("--json", type=_file, metavar="PATH", help="write report.json there as well")
    add("--reports", metavar="FOLDER", help="where reports are kept (default: the checkout's reports/)")
    add("--bundle", type=_file, metavar="PATH", help="pack all of it into PATH (.tar.zst), for `harness replay`")
    add("-q", "--quiet", action="store_true", help="only the verdict, and errors")


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _file(text: str) -> Path:
    """A file to be written after the run, which should not have been for nothing."""
    path = Path(text)
    if not path.name or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; name a file")
    return path
